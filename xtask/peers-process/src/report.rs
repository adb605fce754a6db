//! The table, as Markdown.

use std::fmt::Write;

use crate::contestant::Contestant;
use crate::row::{Bar, Row};
use crate::spread::Spread;
use crate::table::Table;

/// This library's figures beside the bars, then everybody's.
pub(crate) fn markdown(
    rows: &[&Row],
    contestants: &[Contestant],
    table: &Table,
    rounds: usize,
) -> String {
    let mut text = String::from(
        "| | unit | ours (lowest to highest) | compared with | ratio (lowest to highest) | bar | met |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let ours = table.rounds(row.id, row.ours());
        let Some(spread) = Spread::of(ours) else {
            continue;
        };
        let verdict = judge(row, table, ours, spread.median);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.title,
            row.unit,
            with_spread(spread),
            verdict.other,
            verdict.ratio,
            verdict.bar,
            verdict.met,
        );
    }
    let _ = writeln!(
        text,
        "\nMedians of {rounds} rounds, everybody in turn, 2 workers, each figure in a program of its own.\n"
    );
    let _ = write!(text, "| |");
    for contestant in contestants {
        let version = contestant.version.as_deref().unwrap_or_default();
        let _ = write!(
            text,
            " {} |",
            format!("{} {version}", contestant.name).trim()
        );
    }
    let _ = writeln!(text, "\n|---{}|", "|---".repeat(contestants.len()));
    for row in rows {
        let _ = write!(text, "| {}, {} |", row.title, row.unit);
        for contestant in contestants {
            let spread = Spread::of(table.rounds(row.id, contestant.name));
            let cell = spread.map_or_else(|| "–".into(), |spread| number(spread.median));
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

/// A row's verdict in words.
struct Verdict {
    other: String,
    ratio: String,
    bar: String,
    met: &'static str,
}

fn judge(row: &Row, table: &Table, ours: &[f64], median: f64) -> Verdict {
    let yes_no = |met: bool| if met { "yes" } else { "**no**" };
    let none = || "–".to_owned();
    let (bar, least, name) = match row.bar {
        Bar::AtLeast(bar, name) => (bar, true, name),
        Bar::AtMost(bar, name) => (bar, false, name),
        Bar::NoMoreThan(most) => {
            return Verdict {
                other: none(),
                ratio: none(),
                bar: format!("≤ {most}"),
                met: yes_no(median <= most),
            };
        }
        Bar::Always => {
            return Verdict {
                other: none(),
                ratio: none(),
                bar: "always".into(),
                met: yes_no(ours.iter().all(|&round| round == 1.0)),
            };
        }
        Bar::Free => {
            return Verdict {
                other: none(),
                ratio: none(),
                bar: none(),
                met: "–",
            };
        }
    };
    let sign = if least { '≥' } else { '≤' };
    let words = format!("{sign} {bar} × {name}");
    let theirs = table.rounds(row.id, name);
    let Some(other) = Spread::of(theirs) else {
        return Verdict {
            other: none(),
            ratio: none(),
            bar: words,
            met: "not compared",
        };
    };
    let ratio = median / other.median;
    let met = if least { ratio >= bar } else { ratio <= bar };
    // Of the same round: free of what disturbs everybody.
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(o, t)| o / t).collect();
    let spread = Spread::of(&ratios).map_or_else(String::new, |spread| {
        format!(" ({:.2} to {:.2})", spread.low, spread.high)
    });
    Verdict {
        other: format!("{} {name}", number(other.median)),
        ratio: format!("{ratio:.2}{spread}"),
        bar: words,
        met: yes_no(met),
    }
}

fn with_spread(spread: Spread) -> String {
    let Spread { low, median, high } = spread;
    format!("{} ({} to {})", number(median), number(low), number(high))
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value {
        _ if value.is_infinite() => "never".into(),
        _ if value == 0.0 => "0".into(),
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 1000.0 => format!("{value:.1}"),
        _ if value < 1e6 => format!("{:.1} k", value / 1e3),
        _ => format!("{:.2} M", value / 1e6),
    }
}
