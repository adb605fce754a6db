//! Reads what a loom test file prints: the lines of its models and the tests they belong to.

use anyhow::{Context, Result, bail, ensure};

/// What one model did, as `future_core::shim::model` reports it.
#[derive(Debug, PartialEq)]
pub(crate) struct ModelRun {
    pub(crate) name: String,
    pub(crate) shows: String,
    pub(crate) threads: String,
    pub(crate) bound: String,
    pub(crate) executions: String,
    pub(crate) seconds: String,
    pub(crate) substitute: String,
}

const MARK: &str = "loom-model\t";

/// The models that ran, from the output of a test file run with `--nocapture --test-threads=1`.
///
/// An error when no test passed, or when a test passed that ran no model: such a test shows
/// nothing and looks as if it did.
pub(crate) fn models(output: &str) -> Result<Vec<ModelRun>> {
    let mut runs = Vec::new();
    let mut tests: Vec<(String, usize)> = Vec::new();
    let mut passed = None;
    for line in output.lines() {
        // With --nocapture a model's line may stand behind "test its_name ... ".
        if let Some(name) = test_started(line) {
            tests.push((name.to_owned(), 0));
        }
        if let Some((_, fields)) = line.split_once(MARK) {
            runs.push(model(fields).with_context(|| format!("in the line {line:?}"))?);
            if let Some((_, models)) = tests.last_mut() {
                *models += 1;
            }
        }
        if let Some(count) = passed_count(line) {
            passed = Some(passed.unwrap_or(0) + count);
        }
    }
    let passed = passed.context("no test summary in the output")?;
    ensure!(passed > 0, "no test ran");
    if let Some((name, _)) = tests.iter().find(|(_, models)| *models == 0) {
        bail!("the test {name} ran no model");
    }
    ensure!(
        passed <= runs.len(),
        "{passed} tests passed, but only {} models ran",
        runs.len()
    );
    Ok(runs)
}

fn model(fields: &str) -> Result<ModelRun> {
    let fields: Vec<&str> = fields.trim_end().split('\t').collect();
    let [name, shows, threads, bound, executions, seconds, substitute] = fields[..] else {
        bail!("{} fields instead of 7", fields.len());
    };
    let count: u64 = executions.parse().context("the number of executions")?;
    ensure!(count > 0, "{name} ran no execution");
    Ok(ModelRun {
        name: name.to_owned(),
        shows: shows.to_owned(),
        threads: threads.to_owned(),
        bound: bound.to_owned(),
        executions: executions.to_owned(),
        seconds: seconds.to_owned(),
        substitute: substitute.to_owned(),
    })
}

/// The name in `test name ... `, ignored tests excepted.
fn test_started(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.trim_end_matches(" - should panic");
    (!rest.starts_with("ignored")).then_some(name)
}

/// The number in `test result: ok. N passed; …`.
pub(crate) fn passed_count(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("test result: ")?;
    let (_, counts) = rest.split_once(". ")?;
    let (passed, _) = counts.split_once(" passed")?;
    passed.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{models, passed_count};

    const GOOD: &str = "\nrunning 2 tests\n\
        test one ... loom-model\tone\tcancel against start\t3\t2\t333\t0.01\t-\n\
        ok\n\
        test two ... \n\
        loom-model\ttwo\tlast handle against finish\t2\t1\t9\t0.00\tmutex queue\n\
        ok\n\n\
        test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";

    #[test]
    fn every_model_is_read() {
        let runs = models(GOOD).unwrap();
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0].name, "one");
        assert_eq!(runs[0].shows, "cancel against start");
        assert_eq!(runs[0].executions, "333");
        assert_eq!(runs[1].substitute, "mutex queue");
        assert_eq!(runs[1].bound, "1");
    }

    #[test]
    fn a_file_that_ran_nothing_is_refused() {
        let none = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored\n";
        assert_eq!(models(none).unwrap_err().to_string(), "no test ran");
        assert!(models("").is_err());
    }

    #[test]
    fn a_test_without_a_model_is_refused_even_beside_one_with_two() {
        let line = "loom-model\ta\tb\t2\t2\t5\t0.00\t-";
        let output = format!(
            "test a ... {line}\n{line}\nok\ntest idle ... ok\n\
             test result: ok. 2 passed; 0 failed;\n"
        );
        let error = models(&output).unwrap_err().to_string();
        assert_eq!(error, "the test idle ran no model");
    }

    #[test]
    fn an_ignored_test_needs_no_model() {
        let output = GOOD.replace("test two", "test off ... ignored, too large\ntest two");
        assert_eq!(models(&output).unwrap().len(), 2);
    }

    #[test]
    fn a_torn_line_and_an_empty_model_are_refused() {
        assert!(models("test a ... loom-model\ta\tb\n").is_err());
        let empty = GOOD.replace("333", "0");
        assert!(format!("{:#}", models(&empty).unwrap_err()).contains("ran no execution"));
    }

    #[test]
    fn summaries_are_counted() {
        assert_eq!(
            passed_count("test result: ok. 12 passed; 0 failed"),
            Some(12)
        );
        assert_eq!(
            passed_count("test result: FAILED. 3 passed; 1 failed"),
            Some(3)
        );
        assert_eq!(passed_count("test result"), None);
    }
}
