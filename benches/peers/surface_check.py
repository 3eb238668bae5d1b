#!/usr/bin/env python3
"""Hold our isosurface and its simplification against VTK's: counts, areas, distances.

usage: surface_check.py SERIES_DIR OUR_DIR [--iso 300] [--points 100000]
OUR_DIR holds full.ply and simplified.ply (mm, patient) as `isosurface` writes them. Prints one JSON line a comparison.
Needs: vtk, SimpleITK, numpy.
"""
import argparse, json
import numpy as np
import SimpleITK as sitk
import vtk
from vtk.util import numpy_support as ns


def series(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder))
    image = reader.Execute()
    samples = np.ascontiguousarray(sitk.GetArrayFromImage(image).astype(np.int16))
    grid = vtk.vtkImageData()
    grid.SetDimensions(*samples.shape[::-1])
    grid.SetSpacing(*image.GetSpacing())
    grid.SetOrigin(*image.GetOrigin())
    assert np.allclose(image.GetDirection(), np.eye(3).ravel()), "the axes of the series are not those of the patient"
    grid.GetPointData().SetScalars(ns.numpy_to_vtk(samples.ravel(), deep=True, array_type=vtk.VTK_SHORT))
    return grid, min(image.GetSpacing())


def flying_edges(grid, iso):
    f = vtk.vtkFlyingEdges3D()
    f.SetInputData(grid)
    f.SetValue(0, iso)
    f.ComputeNormalsOff()
    f.ComputeScalarsOff()
    f.Update()
    return f.GetOutput()


def decimated(mesh):
    d = vtk.vtkQuadricDecimation()
    d.SetInputData(mesh)
    d.SetTargetReduction(0.9)
    d.Update()
    return d.GetOutput()


def read(path):
    r = vtk.vtkPLYReader()
    r.SetFileName(path)
    r.Update()
    return r.GetOutput()


def points(mesh):
    return ns.vtk_to_numpy(mesh.GetPoints().GetData()).astype(np.float64)


def area(mesh):
    p = points(mesh)
    t = ns.vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    return 0.5 * np.linalg.norm(np.cross(p[t[:, 1]] - p[t[:, 0]], p[t[:, 2]] - p[t[:, 0]]), axis=1).sum()


def vertices(mesh, count):
    p = points(mesh)
    return p[:: max(1, len(p) // count)]


def samples(mesh, count):
    """Random points of a mesh, as many to each area."""
    p = points(mesh)
    t = ns.vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    areas = np.linalg.norm(np.cross(p[t[:, 1]] - p[t[:, 0]], p[t[:, 2]] - p[t[:, 0]]), axis=1)
    random = np.random.default_rng(1)
    a, b, c = np.moveaxis(p[t[random.choice(len(t), count, p=areas / areas.sum())]], 1, 0)
    u = random.random((count, 2))
    u[u.sum(axis=1) > 1] = 1 - u[u.sum(axis=1) > 1]
    return a + u[:, :1] * (b - a) + u[:, 1:] * (c - a)


def distances(p, to):
    """Unsigned distances of points to a mesh, mm."""
    f = vtk.vtkImplicitPolyDataDistance()
    f.SetInput(to)
    out = vtk.vtkDoubleArray()
    f.EvaluateFunction(ns.numpy_to_vtk(p, deep=True), out)
    return np.abs(ns.vtk_to_numpy(out))


def spread(d, unit=1.0):
    d = d / unit
    return {"mean": round(float(d.mean()), 5), "rms": round(float(np.sqrt((d**2).mean())), 5),
            "p99": round(float(np.percentile(d, 99)), 5), "max": round(float(d.max()), 5)}


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("dir")
    ap.add_argument("ours")
    ap.add_argument("--iso", type=float, default=300)
    ap.add_argument("--points", type=int, default=100000)
    a = ap.parse_args()
    grid, voxel_mm = series(a.dir)
    theirs, ours = flying_edges(grid, a.iso), read(f"{a.ours}/full.ply")
    print(json.dumps({
        "comparison": "isosurface against vtkFlyingEdges3D",
        "triangles": ours.GetNumberOfPolys(), "triangles_vtk": theirs.GetNumberOfPolys(),
        "area_ratio": round(area(ours) / area(theirs), 7),
        "vertices_to_vtk_in_voxels": spread(distances(vertices(ours, a.points), theirs), voxel_mm),
    }), flush=True)
    small, small_vtk = read(f"{a.ours}/simplified.ply"), decimated(theirs)
    for whose, full, mesh in [("ours", ours, small), ("vtkQuadricDecimation", theirs, small_vtk)]:
        print(json.dumps({
            "comparison": f"simplification by {whose}", "triangles": mesh.GetNumberOfPolys(),
            **{f"{name}_of_{part}_mm": spread(distances(take(of, a.points), to))
               for name, of, to in [("full_to_simplified", full, mesh), ("simplified_to_full", mesh, full)]
               for part, take in [("vertices", vertices), ("areas", samples)]},
        }), flush=True)
