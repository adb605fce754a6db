// Java's ForkJoinPool: reads a workload a line, answers with a number a line.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.RecursiveAction;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

class Pool {
    static final double[] QUANTILES =
            {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999};

    /** First in, first out, as a pool of tasks that come from outside needs it. */
    static ForkJoinPool pool(int workers) {
        return new ForkJoinPool(
                workers, ForkJoinPool.defaultForkJoinWorkerThreadFactory, null, true);
    }

    static double[] perTask(long start, long tasks) {
        return new double[] {(System.nanoTime() - start) / (double) tasks};
    }

    static double[] distribution(double[] values) {
        Arrays.sort(values);
        double[] answer = new double[QUANTILES.length + 1];
        for (int i = 0; i < QUANTILES.length; i++) {
            answer[i + 1] = values[(int) Math.round(QUANTILES[i] * (values.length - 1))];
        }
        answer[0] = values[(int) Math.round(0.5 * (values.length - 1))];
        return answer;
    }

    /** One object is the task and its result, the leanest that this pool has. */
    static final class Twice extends RecursiveTask<Long> {
        final long n;

        Twice(long n) {
            this.n = n;
        }

        @Override
        protected Long compute() {
            return n * 2;
        }
    }

    static final class Steps extends RecursiveTask<Long> {
        final long steps;

        Steps(long steps) {
            this.steps = steps;
        }

        @Override
        protected Long compute() {
            return steps(steps);
        }
    }

    static List<ForkJoinTask<Long>> submitAll(ForkJoinPool pool, long tasks) {
        List<ForkJoinTask<Long>> futures = new ArrayList<>((int) tasks);
        for (long n = 0; n < tasks; n++) {
            futures.add(pool.submit(new Twice(n)));
        }
        return futures;
    }

    static void submitAndTake(ForkJoinPool pool, long tasks) {
        long sum = 0;
        for (ForkJoinTask<Long> future : submitAll(pool, tasks)) {
            sum += future.join();
        }
        check(sum == tasks * (tasks - 1));
    }

    static void check(boolean holds) {
        if (!holds) {
            throw new AssertionError("a wrong result");
        }
    }

    static double[] pingPong(ForkJoinPool pool, int turns, long gap) throws Exception {
        double[] times = new double[turns];
        for (int i = 0; i < turns; i++) {
            if (gap > 0) {
                TimeUnit.MICROSECONDS.sleep(gap);
            }
            long n = i;
            long start = System.nanoTime();
            check(pool.submit(new Twice(n)).get() == n * 2);
            times[i] = System.nanoTime() - start;
        }
        return distribution(times);
    }

    static double[] asCompleted(ForkJoinPool pool, long tasks) throws Exception {
        long start = System.nanoTime();
        var service = new ExecutorCompletionService<Long>(pool);
        for (long i = 0; i < tasks; i++) {
            long n = i;
            service.submit(() -> {
                steps((n * 0x9e3779b9L >>> 4) & 15);
                return n;
            });
        }
        long sum = 0;
        for (long i = 0; i < tasks; i++) {
            sum += service.take().get();
        }
        check(sum == tasks * (tasks - 1) / 2);
        return perTask(start, tasks);
    }

    static final class Branch extends RecursiveAction {
        final int depth;
        final AtomicLong left;
        final CountDownLatch done;

        Branch(int depth, AtomicLong left, CountDownLatch done) {
            this.depth = depth;
            this.left = left;
            this.done = done;
        }

        @Override
        protected void compute() {
            if (depth > 0) {
                new Branch(depth - 1, left, done).fork();
                new Branch(depth - 1, left, done).fork();
            } else if (left.decrementAndGet() == 0) {
                done.countDown();
            }
        }
    }

    static double[] tree(ForkJoinPool pool, int depth) throws Exception {
        var done = new CountDownLatch(1);
        var left = new AtomicLong(1L << depth);
        long start = System.nanoTime();
        pool.execute(new Branch(depth, left, done));
        done.await();
        return perTask(start, (2L << depth) - 1);
    }

    static double[] producers(ForkJoinPool pool, long tasks, int producers) throws Exception {
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < producers; i++) {
            threads.add(new Thread(() -> submitAndTake(pool, tasks / producers)));
        }
        long start = System.nanoTime();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        return perTask(start, tasks / producers * producers);
    }

    static long sink;

    static long steps(long steps) {
        long x = 0x9e3779b97f4a7c15L + (sink & 1);
        for (long i = 0; i < steps; i++) {
            x ^= x << 13;
            x ^= x >>> 7;
            x ^= x << 17;
        }
        return x;
    }

    static double stepsPerNanosecond;

    static long stepsIn(long nanoseconds) {
        for (int i = 0; stepsPerNanosecond == 0 || i < 9; i++) {
            long start = System.nanoTime();
            sink += steps(2_000_000);
            double rate = 2e6 / (System.nanoTime() - start);
            stepsPerNanosecond = Math.max(stepsPerNanosecond, rate);
        }
        return (long) (stepsPerNanosecond * nanoseconds);
    }

    static final Map<Integer, Double> STEP_BY_THREADS = new HashMap<>();

    /** Nanoseconds for a step when so many threads make steps at once and nothing disturbs. */
    static double step(int workers) throws Exception {
        int count = Math.min(workers, Runtime.getRuntime().availableProcessors());
        if (!STEP_BY_THREADS.containsKey(count)) {
            double best = Double.MAX_VALUE;
            for (int i = 0; i < 15; i++) {
                best = Math.min(best, stepOf(count));
            }
            STEP_BY_THREADS.put(count, best);
        }
        return STEP_BY_THREADS.get(count);
    }

    static double stepOf(int count) throws Exception {
        long each = stepsIn(4_000_000);
        var begin = new CountDownLatch(1);
        var threads = new ArrayList<Thread>();
        for (int t = 0; t < count; t++) {
            threads.add(new Thread(() -> {
                try {
                    begin.await();
                } catch (InterruptedException error) {
                    throw new AssertionError(error);
                }
                sink += steps(each);
            }));
        }
        threads.forEach(Thread::start);
        long start = System.nanoTime();
        begin.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        return (System.nanoTime() - start) / (double) (each * count);
    }

    static double[] effort(ForkJoinPool pool, int workers, int tasks, long nanoseconds)
            throws Exception {
        long each = stepsIn(nanoseconds);
        double ideal = tasks * each * step(workers);
        long start = System.nanoTime();
        var futures = new ArrayList<ForkJoinTask<Long>>(tasks);
        for (int i = 0; i < tasks; i++) {
            futures.add(pool.submit(new Steps(each)));
        }
        long sum = 0;
        for (ForkJoinTask<Long> future : futures) {
            sum += future.join();
        }
        double elapsed = System.nanoTime() - start;
        sink += sum;
        return new double[] {ideal / elapsed};
    }

    static double[] waitAll(ForkJoinPool pool, long tasks) {
        long start = System.nanoTime();
        for (ForkJoinTask<Long> future : submitAll(pool, tasks)) {
            future.quietlyJoin();
        }
        return perTask(start, tasks);
    }

    static double[] cancel(ForkJoinPool pool, int workers, long tasks) throws Exception {
        var gate = new CountDownLatch(1);
        var inside = new CountDownLatch(workers);
        for (int i = 0; i < workers; i++) {
            pool.submit(() -> {
                inside.countDown();
                gate.await();
                return null;
            });
        }
        inside.await();
        List<ForkJoinTask<Long>> futures = submitAll(pool, tasks);
        long start = System.nanoTime();
        for (ForkJoinTask<Long> future : futures) {
            future.cancel(false);
        }
        double[] answer = perTask(start, tasks);
        gate.countDown();
        return answer;
    }

    static double[] start(int workers, int times) throws Exception {
        double[] values = new double[times];
        for (int i = 0; i < times; i++) {
            long n = i;
            long start = System.nanoTime();
            ForkJoinPool pool = pool(workers);
            check(pool.submit(new Twice(n)).get() == n * 2);
            end(pool);
            values[i] = System.nanoTime() - start;
        }
        return distribution(values);
    }

    static void end(ForkJoinPool pool) throws Exception {
        pool.shutdown();
        check(pool.awaitTermination(1, TimeUnit.HOURS));
    }

    static double[] answer(String name, int[] numbers) throws Exception {
        int workers = numbers[numbers.length - 1];
        if (name.equals("start")) {
            return start(workers, numbers[0]);
        }
        ForkJoinPool pool = pool(workers);
        pool.submit(() -> 0).get();
        long start = System.nanoTime();
        double[] answer = switch (name) {
            case "burst" -> {
                submitAndTake(pool, numbers[0]);
                yield perTask(start, numbers[0]);
            }
            case "ping-pong" -> pingPong(pool, numbers[0], numbers[1]);
            case "as-completed" -> asCompleted(pool, numbers[0]);
            case "tree" -> tree(pool, numbers[0]);
            case "producers" -> producers(pool, numbers[0], numbers[1]);
            case "effort" -> effort(pool, workers, numbers[0], numbers[1]);
            case "wait-all" -> waitAll(pool, numbers[0]);
            case "cancel" -> cancel(pool, workers, numbers[0]);
            default -> null;
        };
        end(pool);
        return answer;
    }

    /** How often a workload runs before it counts, for the compiler. */
    static final int WARM = 10;

    public static void main(String[] arguments) throws Exception {
        var warmed = new HashSet<String>();
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            String[] words = line.split(" ");
            if (words[0].equals("version")) {
                System.out.println("Java " + System.getProperty("java.version"));
                continue;
            }
            int[] numbers =
                    Arrays.stream(words).skip(1).mapToInt(Integer::parseInt).toArray();
            int[] fewer = numbers.clone();
            // A first number of tasks; the depth of a tree is none.
            if (fewer[0] > 10_000) {
                fewer[0] /= 4;
            }
            if (warmed.add(words[0])) {
                for (int i = 0; i < WARM; i++) {
                    answer(words[0], fewer);
                }
            }
            double[] found = answer(words[0], numbers);
            var answer = new StringBuilder(found == null ? "-" : "");
            for (double n : found == null ? new double[0] : found) {
                answer.append(String.format(Locale.ROOT, "%.3f ", n));
            }
            System.out.println(answer.toString().trim());
        }
    }
}
