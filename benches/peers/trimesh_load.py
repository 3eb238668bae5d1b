"""Times trimesh loading mesh files and merging their vertices; one JSON line a file.

usage: trimesh_load.py FOLDER --runs N

Loading with `process=True` merges vertices at one place, which is the least of what repair does.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import trimesh


def once(path):
    start = time.perf_counter()
    mesh = trimesh.load(path, process=True, force="mesh")
    return time.perf_counter() - start, mesh


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    for suffix in ("stl", "ply", "glb"):
        secs = []
        for _ in range(options.runs):
            taken, mesh = once(options.folder / f"ring.{suffix}")
            secs.append(taken)
        print(
            json.dumps(
                {
                    "peer": "trimesh",
                    "task": f"{suffix} file",
                    "median_s": round(statistics.median(secs), 4),
                    "min_s": round(min(secs), 4),
                    "vertices": len(mesh.vertices),
                    "triangles": len(mesh.faces),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
