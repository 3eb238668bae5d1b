#!/usr/bin/env python3
"""Time Orthanc storing one DICOM series over REST, into an empty store each time.

usage: orthanc.py SERIES_DIR [--runs 5] [--clients 2]
Prints one JSON line: {"peer", "task", "clients", "median_s", "min_s", "files", "bytes"}.
Needs the program Orthanc (Debian package orthanc). Files are posted over kept connections, each client one after the
other.
"""
import argparse, glob, http.client, json, os, shutil, socket, statistics, subprocess, tempfile, threading, time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until_up(port):
    for _ in range(300):
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            c.request("GET", "/system")
            c.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("Orthanc did not start")


def post_all(port, bodies, clients):
    def client(own):
        c = http.client.HTTPConnection("127.0.0.1", port)
        for body in own:
            c.request("POST", "/instances", body=body, headers={"Content-Type": "application/dicom"})
            r = c.getresponse()
            r.read()
            if r.status != 200:
                raise RuntimeError(f"Orthanc answered {r.status}")

    threads = [threading.Thread(target=client, args=(bodies[i::clients],)) for i in range(clients)]
    start = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return time.perf_counter() - start


def once(program, bodies, clients):
    place = tempfile.mkdtemp(prefix="orthanc-")
    port = free_port()
    config = os.path.join(place, "orthanc.json")
    with open(config, "w") as f:
        json.dump(
            {
                "StorageDirectory": os.path.join(place, "store"),
                "IndexDirectory": os.path.join(place, "index"),
                "HttpPort": port,
                "DicomServerEnabled": False,
                "AuthenticationEnabled": False,
                "RemoteAccessAllowed": False,
                "Plugins": [],
            },
            f,
        )
    server = subprocess.Popen([program, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_up(port)
        return post_all(port, bodies, clients)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(place)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--clients", type=int, default=2)
    a = p.parse_args()
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    bodies = [open(f, "rb").read() for f in sorted(glob.glob(a.dir + "/*"))]
    times = [once(program, bodies, a.clients) for _ in range(a.runs + 1)][1:]
    print(
        json.dumps(
            {
                "peer": "Orthanc",
                "task": "store over REST",
                "clients": a.clients,
                "median_s": round(statistics.median(times), 3),
                "min_s": round(min(times), 3),
                "files": len(bodies),
                "bytes": sum(map(len, bodies)),
            }
        )
    )
