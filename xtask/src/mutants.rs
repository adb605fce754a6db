//! `cargo xtask mutants`: breaks the code in small ways and asks whether anything notices.
//!
//! Two judges, one after the other: the ordinary tests, then, for what these let through, the
//! loom models. What survives both must be explained in `xtask/mutants.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use xshell::{Cmd, Shell, cmd};

use crate::loom;
use crate::process::{cargo, run_shown, say};
use crate::workspace::Workspace;

/// The files that are mutated: the state machine, the pool's counters, and what passes tasks on.
const MUTATED: [(&str, &[&str]); 2] = [
    (
        "future-core",
        &["future-core/src/state.rs", "future-core/src/slab.rs"],
    ),
    (
        "pool-thread",
        &[
            "pool-thread/src/counters.rs",
            "pool-thread/src/inbox.rs",
            "pool-thread/src/queue.rs",
            "pool-thread/src/ring.rs",
        ],
    ),
];

const EXPLAINED: &str = "xtask/mutants.toml";

/// Seconds after which a mutant's tests, or its models, are taken to hang, and so to notice it:
/// several times what they need.
const TESTS: u32 = 25;
const MODELS: u32 = 400;

/// Found nothing amiss, missed mutants, or mutants that ran out of time: the run itself worked.
const WORKED: [i32; 3] = [0, 2, 3];

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Explained {
    #[serde(default)]
    mutant: Vec<Explanation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Explanation {
    name: String,
    #[serde(default = "one")]
    count: usize,
    why: String,
}

impl Explained {
    fn knows(&self, name: &str) -> bool {
        self.mutant.iter().any(|m| m.name == name)
    }
}

fn one() -> usize {
    1
}

/// Mutates the files of `package`, or of all, or one `file` of them, with models at `bound`.
pub(crate) fn run(
    workspace: &Workspace,
    package: Option<&str>,
    file: Option<&str>,
    bound: usize,
) -> Result<()> {
    let sh = workspace.shell()?;
    let cargo = cargo();
    let installed = cmd!(sh, "{cargo} mutants --version").quiet().read();
    if installed.is_err() {
        bail!("cargo-mutants is not installed: cargo install --locked cargo-mutants");
    }
    let explained = std::fs::read_to_string(workspace.root.join(EXPLAINED))?;
    let mut explained: Explained =
        toml::from_str(&explained).with_context(|| format!("reading {EXPLAINED}"))?;
    let chosen = MUTATED
        .iter()
        .filter(|(name, _)| package.is_none_or(|p| p == *name));
    let mut survivors = BTreeSet::new();
    let mut mutated = Vec::new();
    for (name, files) in chosen {
        let wanted = |path: &&&str| file.is_none_or(|file| path.ends_with(file));
        let files: Vec<&str> = files.iter().filter(wanted).copied().collect();
        if files.is_empty() {
            continue;
        }
        survivors.extend(survivors_of(
            workspace, &sh, name, &files, &explained, bound,
        )?);
        mutated.extend(files);
    }
    ensure!(
        !mutated.is_empty(),
        "nothing of that name is mutated: {}",
        file.or(package).unwrap_or_default()
    );
    // Of the others nothing was asked.
    let asked = |name: &str| mutated.iter().any(|file| name.starts_with(file));
    explained.mutant.retain(|m| asked(&m.name));
    judge(&survivors, &explained)
}

/// The mutants of `files` that neither the tests nor the models notice.
fn survivors_of(
    workspace: &Workspace,
    sh: &Shell,
    name: &str,
    files: &[&str],
    explained: &Explained,
    bound: usize,
) -> Result<BTreeSet<String>> {
    for file in files {
        let path = workspace.root.join(file);
        ensure!(path.exists(), "{file} is to be mutated and is not there");
    }
    let out = workspace.target.join("mutants").join(name);
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    std::fs::create_dir_all(&out)?;

    say(&format!("\n{name}: the ordinary tests judge"));
    let tests = ["--tests"].map(str::to_owned);
    pass(mutants(sh, name, files, &out, &[], TESTS, &tests))?;
    let seen = counts(&out)?;
    let missed = list(&out, "missed.txt")?;
    say(&format!("{name}: {seen}"));
    // What no judge can notice need not be asked again.
    let asked: Vec<String> = missed
        .iter()
        .filter(|m| !explained.knows(&without_line(m)))
        .flat_map(|m| ["--re".to_owned(), format!("^{}$", escaped(m))])
        .collect();
    if asked.is_empty() {
        return Ok(missed);
    }

    say(&format!(
        "\n{name}: the models judge what is left, at bound {bound}"
    ));
    let models = workspace.package(name)?.tests("loom_");
    let models: Vec<String> = models
        .flat_map(|t| ["--test".into(), t.name.clone()])
        .collect();
    ensure!(!models.is_empty(), "{name} has no tests/loom_*.rs");
    let release = ["--profile", "release"].map(str::to_owned);
    let extra: Vec<String> = release.into_iter().chain(asked).collect();
    pass(
        mutants(sh, name, files, &out, &extra, MODELS, &models)
            .env("RUSTFLAGS", format!("{} -C debug-assertions=on", loom::CFG))
            .env("LOOM_MAX_PREEMPTIONS", bound.to_string()),
    )?;
    let seen: BTreeSet<String> = ["caught.txt", "timeout.txt"]
        .into_iter()
        .map(|file| list(&out, file))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    Ok(missed.difference(&seen).cloned().collect())
}

/// One run of cargo-mutants. It builds in a copy of the tree; a target folder from outside would
/// be shared with what we run ourselves.
fn mutants<'a>(
    sh: &'a Shell,
    name: &str,
    files: &[&str],
    out: &Path,
    extra: &[String],
    seconds: u32,
    test_args: &[String],
) -> Cmd<'a> {
    let seconds = seconds.to_string();
    let cargo = cargo();
    let files = files.iter().flat_map(|f| ["--file", f]);
    cmd!(
        sh,
        "{cargo} mutants --no-config --package {name} {files...} --output {out} --no-times
         --colors never --cap-lints true --timeout {seconds} {extra...} -- {test_args...}"
    )
    .env_remove("CARGO_TARGET_DIR")
    .env_remove("CARGO_ENCODED_RUSTFLAGS")
}

fn pass(command: Cmd<'_>) -> Result<()> {
    let command = std::process::Command::from(command);
    let (_, code) = run_shown(command)?;
    ensure!(
        code.is_some_and(|code| WORKED.contains(&code)),
        "cargo-mutants itself failed; an unmutated tree must pass its tests"
    );
    Ok(())
}

/// How many mutants ended how.
fn counts(out: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for kind in ["caught", "timeout", "missed", "unviable"] {
        let number = read(out, &format!("{kind}.txt"))?.lines().count();
        parts.push(format!("{number} {kind}"));
    }
    Ok(parts.join(", "))
}

fn list(out: &Path, file: &str) -> Result<BTreeSet<String>> {
    Ok(read(out, file)?.lines().map(str::to_owned).collect())
}

fn read(out: &Path, file: &str) -> Result<String> {
    let path: PathBuf = out.join("mutants.out").join(file);
    std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// Fails when a survivor is not explained.
fn judge(survivors: &BTreeSet<String>, explained: &Explained) -> Result<()> {
    let mut counts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for survivor in survivors {
        counts
            .entry(without_line(survivor))
            .or_default()
            .push(survivor);
    }
    let mut open = 0;
    for (name, places) in &counts {
        let reason = explained.mutant.iter().find(|m| m.name == *name);
        match reason.filter(|m| places.len() <= m.count) {
            Some(m) => say(&format!("survived, explained: {name}\n    {}", m.why)),
            None => {
                open += places.len();
                say(&format!("survived: {}", places.join("\nsurvived: ")));
            }
        }
    }
    for m in &explained.mutant {
        if !counts.contains_key(&m.name) {
            say(&format!("note: explained, but no survivor: {}", m.name));
        }
    }
    ensure!(
        open == 0,
        "{open} mutants survive without an explanation in {EXPLAINED}"
    );
    say("every mutant is caught or explained");
    Ok(())
}

/// A mutant's name as a regular expression that fits no other.
fn escaped(mutant: &str) -> String {
    mutant
        .chars()
        .flat_map(|c| {
            let special = c.is_ascii_punctuation() && !"_:/-<>\"'`~@#%&=;,! ".contains(c);
            special.then_some('\\').into_iter().chain([c])
        })
        .collect()
}

/// `file: change` from `file:line:column: change`: lines move, changes stay.
fn without_line(mutant: &str) -> String {
    let mut parts = mutant.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(line), Some(column), Some(change))
            if line.parse::<usize>().is_ok() && column.parse::<usize>().is_ok() =>
        {
            format!("{file}:{change}")
        }
        _ => mutant.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Explained, escaped, judge, without_line};
    use std::collections::BTreeSet;

    const MUTANT: &str = "a/src/s.rs:12:7: replace A::is_b -> bool with true";
    const NAME: &str = "a/src/s.rs: replace A::is_b -> bool with true";

    #[test]
    fn a_mutant_is_known_by_its_change_not_its_line() {
        assert_eq!(without_line(MUTANT), NAME);
        assert_eq!(without_line(NAME), NAME);
    }

    #[test]
    fn a_name_is_matched_letter_by_letter() {
        assert_eq!(
            escaped("s.rs:1: replace | with ^ in f(x)"),
            r"s\.rs:1: replace \| with \^ in f\(x\)"
        );
    }

    #[test]
    fn only_explained_survivors_pass() {
        let none = Explained::default();
        let survivors = BTreeSet::from([MUTANT.to_owned()]);
        assert!(judge(&BTreeSet::new(), &none).is_ok());
        assert!(judge(&survivors, &none).is_err());
        let text = format!("[[mutant]]\nname = {NAME:?}\nwhy = 'never read'\n");
        let explained: Explained = toml::from_str(&text).unwrap();
        assert!(judge(&survivors, &explained).is_ok());
        let twice = BTreeSet::from([MUTANT.to_owned(), MUTANT.replace("12", "99")]);
        assert!(judge(&twice, &explained).is_err());
    }

    #[test]
    fn the_explanations_are_readable() {
        let explained: Explained = toml::from_str(include_str!("../mutants.toml")).unwrap();
        assert!(explained.mutant.iter().all(|m| !m.why.is_empty()));
    }
}
