"""Writes affines.json: where other programs place the series of the test data.

Run with a Python that has pydicom, SimpleITK, nibabel and dcm2niix beside it:

    python affines.py DATA > affines.json

One entry a volume: the folder below DATA, the peer, columns, rows, slices, and the 3 x 4 map from voxel indexes to
LPS millimeters by rows. Peers flip axes as they like, so the map is meant up to the direction of each axis.
SimpleITK knows no shear and no gaps: a series where its map misses an Image Position (Patient) is left out, and said on
standard error. So is what dcm2niix resamples (tilted gantries) or merges.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import nibabel
import numpy
import pydicom
import SimpleITK

LPS_FROM_RAS = numpy.diag([-1.0, -1.0, 1.0, 1.0])
# Sets with series that have a place in the patient.
SETS = ["ct-*", "mr-*", "geom-a", "geom-traps-a/*", "objects-a"]


def folders(data):
    """Folders below the sets that directly hold DICOM files."""
    found = set()
    for pattern in SETS:
        for top in data.glob(pattern):
            for file in top.rglob("*"):
                if file.is_file() and pydicom.misc.is_dicom(file):
                    found.add(file.parent)
    return sorted(found)


def headers(folder):
    for file in sorted(folder.iterdir()):
        if file.is_file() and pydicom.misc.is_dicom(file):
            yield file, pydicom.dcmread(file, stop_before_pixels=True)


def by_simpleitk(folder, workspace):
    """Classic series, one file a slice."""
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    for series in names:
        files = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series)
        sets = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
        if len(sets) < 2 or any("ImagePositionPatient" not in one or "MOSAIC" in one.get("ImageType", "") for one in sets):
            continue
        # GDCM reads no JPEG-LS or JPEG 2000 of every writer: geometry needs no pixels, so they are replaced.
        plain = []
        for number, (file, one) in enumerate(zip(files, sets)):
            one.SamplesPerPixel = 1
            one.PhotometricInterpretation, one.BitsAllocated, one.BitsStored, one.HighBit = "MONOCHROME2", 8, 8, 7
            one.PixelRepresentation, one.PixelData = 0, bytes(one.Rows * one.Columns + one.Rows * one.Columns % 2)
            one["PixelData"].VR = "OB"
            one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
            for tag in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
                if tag in one:
                    del one[tag]
            path = workspace / f"{number:05}.dcm"
            pydicom.dcmwrite(path, one, implicit_vr=False, little_endian=True)
            plain.append(str(path))
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(plain)
        try:
            image = reader.Execute()
        except RuntimeError as error:
            print(f"{folder}: SimpleITK refuses: {str(error).splitlines()[-1]}", file=sys.stderr)
            continue
        affine = numpy.eye(4)
        affine[:3, :3] = numpy.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        affine[:3, 3] = image.GetOrigin()
        where = numpy.array([one.ImagePositionPatient for one in sets], float)
        places = numpy.array([affine[:3, 3] + affine[:3, 2] * k for k in range(len(sets))])
        miss = numpy.abs(where - places).max()
        if miss > 5e-4:
            print(f"{folder}: SimpleITK misses a position by {miss:.4f} mm", file=sys.stderr)
            continue
        yield "SimpleITK", image.GetSize(), affine


def by_dcm2niix(folder, workspace):
    program = pathlib.Path(sys.executable).with_name("dcm2niix")
    source = workspace / "in"
    source.mkdir()
    for file, _ in headers(folder):
        shutil.copy(file, source / file.name)
    target = workspace / "out"
    target.mkdir()
    subprocess.run(
        [program, "-b", "n", "-z", "n", "-f", "%s_%e_%d", "-o", target, source],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    for nifti in sorted(target.glob("*.nii")):
        if "Tilt" in nifti.name or "_Eq" in nifti.name:
            print(f"{folder}: dcm2niix resampled {nifti.name}", file=sys.stderr)
            continue
        image = nibabel.load(nifti)
        if len(image.shape) < 3 or image.shape[2] < 2 or image.dataobj.dtype.fields:
            continue
        yield "dcm2niix", image.shape[:3], LPS_FROM_RAS @ image.affine


def main(data):
    entries = []
    for folder in folders(data):
        for peer in (by_simpleitk, by_dcm2niix):
            with tempfile.TemporaryDirectory() as workspace:
                for name, size, affine in peer(folder, pathlib.Path(workspace)):
                    entries.append(
                        {
                            "folder": str(folder.relative_to(data)),
                            "peer": name,
                            "dims": [int(n) for n in size],
                            "patient_from_voxel": [round(float(n), 7) for n in affine[:3].ravel()],
                        }
                    )
    print("[")
    print(",\n".join(json.dumps(entry) for entry in entries))
    print("]")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
