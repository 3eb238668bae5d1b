#!/usr/bin/env python3
"""Time the server: storing a folder over HTTP, a large upload's memory, reading lists.

usage: server.py VITRINE upload SERIES_DIR [--runs 5] [--together 50]
       server.py VITRINE memory [--gib 10]
       server.py VITRINE reads [--patients 10000] [--cases 50000] [--seconds 10] [--clients 8]
VITRINE is the program. Every run has a store of its own. Prints one JSON line each.
"""
import argparse, base64, glob, http.client, json, os, shutil, statistics, struct, subprocess, tempfile, threading, time

PASSWORD = "four plain words here"


class Server:
    def __init__(self, program):
        self.place = tempfile.mkdtemp(prefix="vitrine-bench-")
        self.process = subprocess.Popen(
            [program, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", self.place + "/data",
             "--key-file", self.place + "/key/root.key"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.host = self.process.stdout.readline().split("//")[1].strip()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.place)

    def memory_mb(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            fields = dict(line.split(":", 1) for line in f)
        return int(fields["VmHWM"].split()[0]) / 1024


class Client:
    def __init__(self, host, cookie=None):
        self.connection = http.client.HTTPConnection(host)
        self.cookie = cookie

    def call(self, method, path, body=b"", headers=(), expect=(200, 201, 202, 204)):
        headers = dict(headers)
        if self.cookie:
            headers["Cookie"] = self.cookie
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status not in expect:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]}")
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            self.cookie = cookie.split(";")[0]
        kind = answer.getheader("Content-Type") or ""
        return json.loads(content) if "json" in kind else answer

    def practice(self):
        link = self.call("POST", "/api/practices", {
            "practice": "Bench", "name": "Bench", "email": "bench@example.org", "password": PASSWORD})["demo_link"]
        self.call("POST", "/api/verify", {"word": link.split("#")[1]})
        self.call("POST", "/api/sign-in", {"email": "bench@example.org", "password": PASSWORD})
        for agreement in self.call("GET", "/api/me")["pending_agreements"]:
            self.call("POST", "/api/me/agreements", agreement)
        return self.call("GET", "/api/me")["memberships"][0]["practice"]

    def case(self, practice):
        patient = self.call("POST", f"/api/practices/{practice}/patients", {"name": "Bench, Person"})["id"]
        return self.call("POST", f"/api/patients/{patient}/cases", {"title": "Bench"})["id"]

    def open_set(self, case):
        return self.call("POST", f"/api/cases/{case}/upload-sets", {"biometric": "no"})["id"]


def upload(arguments):
    files = [(os.path.basename(p), open(p, "rb").read()) for p in sorted(glob.glob(arguments.series + "/*"))]
    times = []
    for _ in range(arguments.runs):
        server = Server(arguments.program)
        first = Client(server.host)
        bench_set = first.open_set(first.case(first.practice()))
        batches = [files[i:i + arguments.together] for i in range(0, len(files), arguments.together)]
        clients = [Client(server.host, first.cookie) for _ in range(2)]

        def send(client, own):
            for batch in own:
                head = b"".join(
                    struct.pack("<IQ", len(name.encode()), len(content)) + name.encode() + content
                    for name, content in batch)
                client.call("POST", f"/api/upload-sets/{bench_set}/many", head)

        threads = [threading.Thread(target=send, args=(c, batches[i::2])) for i, c in enumerate(clients)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times.append(time.perf_counter() - start)
        seen = first.call("GET", f"/api/upload-sets/{bench_set}")
        assert seen["files"] == len(files), seen
        server.stop()
    print(json.dumps({"task": "upload", "median_s": statistics.median(times), "min_s": min(times),
                      "files": len(files), "bytes": sum(len(c) for _, c in files)}))


def memory(arguments):
    server = Server(arguments.program)
    client = Client(server.host)
    upload_set = client.open_set(client.case(client.practice()))
    size = arguments.gib << 30
    name = base64.b64encode(b"large.bin").decode()
    created = client.call("POST", f"/api/upload-sets/{upload_set}/files", headers={
        "Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": f"filename {name}"})
    place = created.getheader("Location")
    piece = os.urandom(16 << 20)
    start = time.perf_counter()
    for offset in range(0, size, len(piece)):
        client.call("PATCH", place, piece, headers={
            "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset)})
    took = time.perf_counter() - start
    print(json.dumps({"task": "memory", "gib": arguments.gib, "peak_mb": server.memory_mb(), "s": took}))
    server.stop()


def reads(arguments):
    server = Server(arguments.program)
    client = Client(server.host)
    practice = client.practice()
    cases = []
    start = time.perf_counter()
    each = arguments.cases // arguments.patients
    lock = threading.Lock()

    def fill(number, cookie):
        own = Client(server.host, cookie)
        for n in range(number, arguments.patients, 4):
            patient = own.call("POST", f"/api/practices/{practice}/patients", {"name": f"Person{n}, Bench{n % 97}"})
            for k in range(each):
                case = own.call("POST", f"/api/patients/{patient['id']}/cases", {"title": f"Operation {k} of {n}"})
                with lock:
                    cases.append(case["id"])

    threads = [threading.Thread(target=fill, args=(n, client.cookie)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    filled = time.perf_counter() - start
    ends = time.perf_counter() + arguments.seconds
    times = []

    def read(number):
        own = Client(server.host, client.cookie)
        mine, n = [], number
        while time.perf_counter() < ends:
            path = (f"/api/practices/{practice}/cases" if n % 2 else f"/api/cases/{cases[n * 7919 % len(cases)]}")
            began = time.perf_counter()
            own.call("GET", path)
            mine.append(time.perf_counter() - began)
            n += 1
        with lock:
            times.extend(mine)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(arguments.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    print(json.dumps({"task": "reads", "per_s": len(times) / arguments.seconds, "p50_ms": 1e3 * times[len(times) // 2],
                      "p99_ms": 1e3 * times[len(times) * 99 // 100], "fill_s": filled}))
    server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    tasks = parser.add_subparsers(dest="task", required=True)
    task = tasks.add_parser("upload")
    task.add_argument("series")
    task.add_argument("--runs", type=int, default=5)
    task.add_argument("--together", type=int, default=50)
    task.set_defaults(run=upload)
    task = tasks.add_parser("memory")
    task.add_argument("--gib", type=int, default=10)
    task.set_defaults(run=memory)
    task = tasks.add_parser("reads")
    task.add_argument("--patients", type=int, default=10_000)
    task.add_argument("--cases", type=int, default=50_000)
    task.add_argument("--seconds", type=float, default=10)
    task.add_argument("--clients", type=int, default=8)
    task.set_defaults(run=reads)
    arguments = parser.parse_args()
    arguments.run(arguments)


main()
