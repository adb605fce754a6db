"""Python's process pools: `pool.py <pool> <workload> <size>` writes what it found, a line of JSON."""

import json
import multiprocessing
import os
import platform
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

WORKERS = 2
HELD = 100


def nothing(n):
    return n


def sleep(path, milliseconds):
    if path:
        with open(path + ".draft", "w") as file:
            file.write(str(os.getpid()))
        os.rename(path + ".draft", path)
    time.sleep(milliseconds / 1e3)
    return milliseconds


class Executor:
    """CPython's and loky's."""

    def __init__(self, make):
        self.pool = make()

    def submit(self, function, *args):
        return self.pool.submit(function, *args)

    def result(self, handle, timeout=None):
        return handle.result(timeout)

    def map(self, items):
        return self.pool.map(nothing, range(items), chunksize=64)


class Pebble:
    def __init__(self):
        from pebble import ProcessPool

        self.pool = ProcessPool(max_workers=WORKERS)

    def submit(self, function, *args):
        return self.pool.schedule(function, args=args)

    def result(self, handle, timeout=None):
        return handle.result(timeout)

    def map(self, items):
        return self.pool.map(nothing, range(items), chunksize=64).result()


class Multiprocessing:
    def __init__(self):
        self.pool = multiprocessing.Pool(WORKERS)

    def submit(self, function, *args):
        return self.pool.apply_async(function, args)

    def result(self, handle, timeout=None):
        return handle.get(timeout)

    def map(self, items):
        return self.pool.map(nothing, range(items), chunksize=64)


def make(name):
    if name in ("fork", "spawn"):
        context = multiprocessing.get_context(name)
        return Executor(lambda: ProcessPoolExecutor(WORKERS, mp_context=context))
    if name == "loky":
        import loky

        return Executor(lambda: loky.ProcessPoolExecutor(WORKERS))
    if name == "pebble":
        return Pebble()
    return Multiprocessing()


def version(name):
    if name in ("loky", "pebble"):
        from importlib.metadata import version

        return version(name)
    return platform.python_version()


def submit_and_take(pool, tasks):
    handles = [pool.submit(nothing, n) for n in range(tasks)]
    assert sum(pool.result(handle) for handle in handles) == tasks * (tasks - 1) // 2


def warm(name):
    pool = make(name)
    for handle in [pool.submit(sleep, "", 100), pool.submit(sleep, "", 101)]:
        pool.result(handle)
    submit_and_take(pool, 1000)
    return pool


def burst(name, tasks):
    pool = warm(name)
    start = time.perf_counter()
    submit_and_take(pool, tasks)
    return {"burst": tasks / (time.perf_counter() - start)}


def map_items(name, items):
    pool = warm(name)
    assert sum(pool.map(10_000)) == 10_000 * 9_999 // 2
    start = time.perf_counter()
    assert sum(pool.map(items)) == items * (items - 1) // 2
    return {"map": items / (time.perf_counter() - start)}


def round_trip(name, turns):
    pool = warm(name)
    times = []
    for n in range(turns):
        start = time.perf_counter_ns()
        assert pool.result(pool.submit(nothing, n)) == n
        times.append((time.perf_counter_ns() - start) / 1e3)
    times.sort()
    at = lambda q: times[round(q * (len(times) - 1))]
    return {"round-trip-p50": at(0.5), "round-trip-p99": at(0.99)}


def echo(name, size):
    pool = warm(name)
    payload = b"\7" * size
    turns = (256 << 20) // size // 4

    def turn():
        assert len(pool.result(pool.submit(nothing, payload))) == size

    for _ in range(max(turns // 4, 1)):
        turn()
    start = time.perf_counter()
    for _ in range(turns):
        turn()
    rate = turns * size / 1e6 / (time.perf_counter() - start)
    return {"echo-64m" if size > 1 << 20 else "echo-1m": rate}


def first(name, _):
    # The module itself is there, as code that is linked in is.
    version(name)
    if name in ("loky", "pebble"):
        __import__(name)
    start = time.perf_counter()
    pool = make(name)
    assert pool.result(pool.submit(nothing, 7)) == 7
    return {"first": (time.perf_counter() - start) * 1e3}


def read_pid(path):
    for _ in range(10_000):
        if os.path.exists(path):
            with open(path) as file:
                return int(file.read())
        time.sleep(0.001)
    raise RuntimeError("a task did not start")


def notice(name, _):
    pool = warm(name)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        doomed = pool.submit(sleep, folder + "/victim", 20_000)
        pid = read_pid(folder + "/victim")
        surviving = pool.submit(sleep, folder + "/other", 300)
        read_pid(folder + "/other")
        queued = [pool.submit(nothing, n) for n in range(8)]
        start = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        try:
            pool.result(doomed, 3)
        except (TimeoutError, multiprocessing.TimeoutError):
            found["notice"] = None
        except BaseException:
            found["notice"] = (time.perf_counter() - start) * 1e3

        def ran(handle):
            try:
                pool.result(handle, 3)
                return True
            except BaseException:
                return False

        found["survives"] = float(ran(surviving))
        found["queued"] = float(all([ran(handle) for handle in queued]))
    return found


def outside(name, _):
    held = [open(__file__) for _ in range(HELD)]
    pool = warm(name)
    print("idle", flush=True)
    sys.stdin.readline()
    with tempfile.TemporaryDirectory() as folder:
        busy = pool.submit(sleep, folder + "/busy", 30_000)
        read_pid(folder + "/busy")
    print("busy", flush=True)
    pool.result(busy)
    return {"held": len(held)}


WORKLOADS = {
    "burst": burst,
    "map": map_items,
    "round-trip": round_trip,
    "echo": echo,
    "first": first,
    "notice": notice,
    "outside": outside,
}

if __name__ == "__main__":
    _, pool, workload, size = sys.argv
    if workload == "version":
        if pool in ("loky", "pebble"):
            __import__(pool)
        print(version(pool))
    else:
        print(json.dumps(WORKLOADS[workload](pool, int(size))), flush=True)
        # Not every pool can be left in good order with a worker killed.
        for child in multiprocessing.active_children():
            child.kill()
        os._exit(0)
