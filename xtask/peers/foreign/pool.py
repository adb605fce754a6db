"""Python's ThreadPoolExecutor: reads a workload a line, answers with a number a line."""

import os
import platform
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed, wait

QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999)


def distribution(values):
    values.sort()
    at = [values[round(q * (len(values) - 1))] for q in QUANTILES]
    return [at[QUANTILES.index(0.5)], *at]


def per_task(start, tasks):
    return [(time.perf_counter_ns() - start) / tasks]


def submit_and_take(pool, tasks):
    futures = [pool.submit(lambda n=n: n * 2) for n in range(tasks)]
    assert sum(future.result() for future in futures) == tasks * (tasks - 1)


def burst(pool, workers, tasks):
    start = time.perf_counter_ns()
    submit_and_take(pool, tasks)
    return per_task(start, tasks)


def ping_pong(pool, workers, turns, gap):
    times = []
    for n in range(turns):
        if gap:
            time.sleep(gap / 1e6)
        start = time.perf_counter_ns()
        assert pool.submit(lambda: n).result() == n
        times.append(time.perf_counter_ns() - start)
    return distribution(times)


def in_completion_order(pool, workers, tasks):
    start = time.perf_counter_ns()
    futures = [pool.submit(lambda n=n: n) for n in range(tasks)]
    assert sum(future.result() for future in as_completed(futures)) == tasks * (tasks - 1) // 2
    return per_task(start, tasks)


def tree(pool, workers, depth):
    done = threading.Event()
    lock = threading.Lock()
    left = 1 << depth

    def grow(depth):
        nonlocal left
        if depth:
            pool.submit(grow, depth - 1)
            pool.submit(grow, depth - 1)
            return
        with lock:
            left -= 1
            if left == 0:
                done.set()

    start = time.perf_counter_ns()
    pool.submit(grow, depth)
    done.wait()
    return per_task(start, (2 << depth) - 1)


def producers(pool, workers, tasks, producers):
    threads = [
        threading.Thread(target=submit_and_take, args=(pool, tasks // producers))
        for _ in range(producers)
    ]
    start = time.perf_counter_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return per_task(start, tasks // producers * producers)


def wait_all(pool, workers, tasks):
    start = time.perf_counter_ns()
    futures = [pool.submit(lambda n=n: n) for n in range(tasks)]
    assert not wait(futures).not_done
    return per_task(start, tasks)


def occupied(pool, workers):
    gate = threading.Event()
    inside = threading.Barrier(workers + 1)

    def hold():
        inside.wait()
        gate.wait()

    for _ in range(workers):
        pool.submit(hold)
    inside.wait()
    return gate


def cancel(pool, workers, tasks):
    gate = occupied(pool, workers)
    futures = [pool.submit(lambda n=n: n) for n in range(tasks)]
    start = time.perf_counter_ns()
    for future in futures:
        assert future.cancel()
    answer = per_task(start, tasks)
    gate.set()
    return answer


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def pending(pool, workers, tasks):
    gate = occupied(pool, workers)
    before = resident()
    futures = [pool.submit(lambda n=n: n) for n in range(tasks)]
    answer = (resident() - before) / len(futures)
    for future in futures:
        future.cancel()
    gate.set()
    return [answer]


def start(workers, times):
    values = []
    for n in range(times):
        begun = time.perf_counter_ns()
        with ThreadPoolExecutor(workers) as pool:
            assert pool.submit(lambda: n).result() == n
        values.append(time.perf_counter_ns() - begun)
    return distribution(values)


WORKLOADS = {
    "burst": burst,
    "ping-pong": ping_pong,
    "as-completed": in_completion_order,
    "tree": tree,
    "producers": producers,
    "wait-all": wait_all,
    "cancel": cancel,
    "pending": pending,
}


def answer(name, numbers):
    if name == "start":
        times, workers = numbers
        return start(workers, times)
    if name not in WORKLOADS:
        return None
    *numbers, workers = numbers
    with ThreadPoolExecutor(workers) as pool:
        pool.submit(int).result()
        return WORKLOADS[name](pool, workers, *numbers)


def main():
    for line in sys.stdin:
        name, *numbers = line.split()
        if name == "version":
            print(f"Python {platform.python_version()}", flush=True)
            continue
        found = answer(name, [int(n) for n in numbers])
        print("-" if found is None else " ".join(f"{n:.3f}" for n in found), flush=True)


main()
