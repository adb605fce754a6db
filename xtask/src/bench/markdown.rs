//! The report as a table.

use super::Report;
use super::bars::{BARS, Verdict};
use super::results::{Kind, Record, Spread};

/// The whole report.
pub(crate) fn page(report: &Report) -> String {
    let mut text = String::from("# Benchmark\n\n");
    text += &table(report);
    text += "\n## Everybody\n\nMedians, the best first; in brackets the lowest and the highest round.\n";
    let mut seen = Vec::new();
    for record in &report.results.records {
        if record.x.is_none() && !seen.contains(&&record.row) {
            seen.push(&record.row);
            text += &everybody(report, record);
        }
    }
    text
}

/// The rows that have a bar, and how they were measured.
pub(crate) fn table(report: &Report) -> String {
    let mut text = format!("{}\n\n", how(report));
    text += "| | ours | spread | compared with | ratio | spread | bar | met | rounds |\n";
    text += "|---|---:|---:|---|---:|---:|---|---|---:|\n";
    for verdict in BARS.iter().filter_map(|bar| bar.judge(&report.results)) {
        text += &line(&verdict);
    }
    text
}

/// How it was measured, in a paragraph.
pub(crate) fn how(report: &Report) -> String {
    let languages: Vec<&str> = report.results.versions.values().map(|v| &**v).collect();
    let peers: Vec<&str> = report.machine.peers.iter().map(|p| &**p).collect();
    format!(
        "{}. Peers: {}. Everybody in turn, round by round; the median of the rounds, and as spread \
         the middle half of them. A ratio is our cost by the other's, its spread that of the \
         ratios within each round.{}",
        report.machine.line(),
        [peers, languages].concat().join(", "),
        if report.quick {
            " **A quick run: fewer tasks and rounds.**"
        } else {
            ""
        },
    )
}

fn line(verdict: &Verdict<'_>) -> String {
    let ours = verdict.ours;
    let spread = ours.spread().map_or_else(String::new, middle_half);
    let with = |r: &Record| format!("{} {}", r.contestant, number(r.median()));
    let mut compared = verdict.other.map_or_else(String::new, with);
    if let Some(java) = verdict.java.filter(|_| verdict.limit.contains("Java")) {
        compared += &format!("; {}", with(java));
    }
    let ratio = verdict
        .ratio
        .map_or_else(String::new, |r| format!("{r:.2}"));
    let ratios = Spread::of(&verdict.ratios).map_or_else(String::new, |s| {
        format!("{:.2}–{:.2}", s.quarter, s.three_quarters)
    });
    format!(
        "| {}, {} | {} | {spread} | {compared} | {ratio} | {ratios} | {} | {} | {} |\n",
        ours.title,
        ours.unit,
        number(ours.median()),
        verdict.limit,
        if verdict.met { "yes" } else { "**no**" },
        ours.rounds.len(),
    )
}

fn everybody(report: &Report, of: &Record) -> String {
    let mut records = report.results.row(&of.row);
    records.sort_by(|a, b| a.median().total_cmp(&b.median()));
    if of.more_is_better() {
        records.reverse();
    }
    let mut text = format!("\n**{}**, {}: ", of.title, of.unit);
    let each = |record: &&Record| {
        let Some(s) = record.spread() else {
            return String::new();
        };
        let numbers = format!(
            "{} ({}–{})",
            number(s.median),
            number(s.low),
            number(s.high)
        );
        let why = record.no_measure.as_ref();
        let why = why.map_or_else(String::new, |why| format!(", {why}"));
        let line = format!("{} {numbers}{why}", record.contestant);
        if record.kind == Kind::Ours {
            format!("**{line}**")
        } else {
            line
        }
    };
    text += &records.iter().map(each).collect::<Vec<_>>().join("; ");
    text + ".\n"
}

fn middle_half(spread: Spread) -> String {
    format!(
        "{}–{}",
        number(spread.quarter),
        number(spread.three_quarters)
    )
}

/// With as many digits as mean something.
pub(crate) fn number(n: f64) -> String {
    match n {
        n if n >= 10_000.0 => {
            let thousands = format!("{:.1}", n / 1000.0);
            format!("{}k", thousands.trim_end_matches(".0"))
        }
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        let shown: Vec<_> = [0.704, 9.5, 42.34, 955.4, 2906.2, 42_100.0, 52_000.0]
            .map(number)
            .into();
        assert_eq!(
            shown,
            ["0.70", "9.50", "42.3", "955", "2906", "42.1k", "52k"]
        );
    }
}
