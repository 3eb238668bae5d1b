"""Writes affines.json: where other programs place the series of the test data.

Run with a Python that has pydicom, SimpleITK, nibabel and dcm2niix beside it:

    python affines.py DATA > affines.json

One entry a volume: the folder below DATA, who says so, columns, rows, slices, and the 3 x 4 map from voxel indexes to
LPS millimeters by rows. Programs flip axes as they like, so the map is meant up to the order and direction of axes.
For uncompressed mosaics and enhanced files also the sum of the stored values of each slice, to see that slices are where they belong.

No program is right about every series: some know no shear, some no gaps. An answer is kept when the positions
that the files give lie on its grid, corner on corner, from its first to its last slice and none beyond; what is dropped is said on standard
error. Mosaics give no positions of slices: there the answer is taken as it is.
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
SETS = ["ct-*", "mr-*", "geom-a", "geom-traps-a/*", "objects-a"]
NEAR_MM = 1e-3


def folders(data):
    """Folders of the sets that directly hold DICOM files with slices, and their headers."""
    tops = {folder for pattern in SETS for folder in data.glob(pattern)}
    for folder in sorted({file.parent for top in tops for file in top.rglob("*") if file.is_file()}):
        files = [file for file in sorted(folder.iterdir()) if file.is_file() and pydicom.misc.is_dicom(file)]
        headers = [(file, pydicom.dcmread(file, stop_before_pixels=True)) for file in files]
        slices = [(file, header) for file, header in headers if header.get("Modality") in ("CT", "MR", "PT")]
        if slices:
            yield folder, slices


def is_mosaic(header):
    return "MOSAIC" in (header.get("ImageType") or [])


def positions(slices, dims):
    """Every Image Position (Patient) of slices of this size; None where no file has that size, as with mosaics."""
    of_size = [header for _, header in slices if header.Rows in dims and header.Columns in dims]
    if not of_size:
        return None
    found = []
    for header in of_size:
        groups = header.get("PerFrameFunctionalGroupsSequence") or []
        found += [one.PlanePositionSequence[0].ImagePositionPatient for one in groups if "PlanePositionSequence" in one]
        if "ImagePositionPatient" in header:
            found.append(header.ImagePositionPatient)
    return numpy.unique(numpy.array(found, float).reshape(-1, 3), axis=0)


def fits(affine, dims, where):
    """Whether positions lie at corners of the slices of a grid, the outer ones among them, and none beside it."""
    ends = numpy.array(dims) - 1
    mm = numpy.linalg.norm(affine[:3, :3], axis=0)
    index = (where - affine[:3, 3]) @ numpy.linalg.inv(affine[:3, :3]).T
    near = numpy.abs(index - index.round()) * mm < NEAR_MM
    for along in range(3):
        others = [axis for axis in range(3) if axis != along]
        corner = [(numpy.abs(index[:, a]) * mm[a] < NEAR_MM) | (numpy.abs(index[:, a] - ends[a]) * mm[a] < NEAR_MM) for a in others]
        in_line = corner[0] & corner[1]
        hit = set(index[in_line, along].round().astype(int))
        if near[in_line, along].all() and hit and min(hit) == 0 and max(hit) == ends[along]:
            return True
    return False


def by_simpleitk(slices, workspace):
    """Classic series, one file a slice. Geometry needs no pixels, so codecs that GDCM lacks do not matter."""
    plain = workspace / "plain"
    plain.mkdir()
    for number, (_, header) in enumerate(slices):
        if "ImagePositionPatient" not in header or is_mosaic(header):
            continue
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 8, 8, 7, 0
        header.PixelData = bytes((header.Rows * header.Columns + 1) // 2 * 2)
        header["PixelData"].VR = "OB"
        header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        for tag in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
            if tag in header:
                del header[tag]
        pydicom.dcmwrite(plain / f"{number:05}.dcm", header, implicit_vr=False, little_endian=True)
    for series in SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(plain)) if any(plain.iterdir()) else ():
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(plain), series))
        try:
            image = reader.Execute()
        except RuntimeError:
            continue
        affine = numpy.eye(4)
        affine[:3, :3] = numpy.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        affine[:3, 3] = image.GetOrigin()
        if min(image.GetSize()) > 1:
            yield "SimpleITK", image.GetSize(), affine, None


def by_dcm2niix(slices, workspace):
    program = pathlib.Path(sys.executable).with_name("dcm2niix")
    source, target = workspace / "in", workspace / "out"
    source.mkdir()
    target.mkdir()
    for file, _ in slices:
        shutil.copy(file, source / file.name)
    command = [program, "-b", "n", "-z", "n", "-f", "%s_%e_%d", "-o", target, source]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    yield from niftis("dcm2niix", sorted(target.glob("*.nii")))


def by_reference(data, folder):
    """NIfTI files that lie with the data."""
    beside = [*folder.glob("*.nii"), folder.with_name(folder.name + "_ground_truth.nii.gz")]
    given = [folder.parent / "Ref", folder.parent.parent / "Ref", folder / "reference"]
    files = [*beside, *(file for top in given for file in sorted(top.glob("*.nii*")))]
    files = [file for file in files if file.is_file() and file.name.endswith((".nii", ".nii.gz"))]
    yield from niftis("reference", files)


def niftis(peer, files):
    for file in files:
        image = nibabel.load(file)
        if len(image.shape) >= 3 and min(image.shape[:3]) > 1:
            stored = numpy.asarray(image.dataobj.get_unscaled())
            first = stored.reshape(*stored.shape[:3], -1)[..., 0]
            sums = first.sum(axis=(0, 1), dtype=numpy.int64) if first.dtype.kind in "iu" else None
            yield peer, image.shape[:3], LPS_FROM_RAS @ image.affine, sums


def main(data):
    entries = []
    for folder, slices in folders(data):
        name = str(folder.relative_to(data))
        bundled = any(
            (is_mosaic(header) or "NumberOfFrames" in header) and not header.file_meta.TransferSyntaxUID.is_compressed
            for _, header in slices
        )
        with tempfile.TemporaryDirectory() as workspace:
            workspace = pathlib.Path(workspace)
            answers = [
                *by_reference(data, folder),
                *by_dcm2niix(slices, workspace),
                *by_simpleitk(slices, workspace),
            ]
        for peer, dims, affine, sums in answers:
            where = positions(slices, dims)
            rows = [round(float(n), 7) + 0.0 for n in affine[:3].ravel()]
            entry = {"folder": name, "peer": peer, "dims": [int(n) for n in dims], "patient_from_voxel": rows}
            if bundled and sums is not None:
                entry["slice_sums"] = sums.tolist()
            if where is not None and not fits(affine, dims, where):
                print(f"{name}: the grid of {peer}, {entry['dims']}, misses positions", file=sys.stderr)
            elif entry not in entries:
                entries.append(entry)
    print("[")
    print(",\n".join(json.dumps(entry) for entry in entries))
    print("]")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
