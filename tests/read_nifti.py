"""Reads a NIfTI file with nibabel and says what it holds: shape, affine, and two samples after rescaling.

usage: read_nifti.py FILE
"""
import json
import sys

import nibabel

image = nibabel.load(sys.argv[1])
data = image.get_fdata()
print(
    json.dumps(
        {
            "shape": list(data.shape),
            "affine": image.affine.flatten().tolist(),
            "center": float(data[23, 19, 15]),
            "corner": float(data[0, 0, 0]),
        }
    )
)
