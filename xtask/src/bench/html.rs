//! The report as one page: no scripts, nothing from outside.

use super::Report;
use super::axis::Axis;
use super::bars::BARS;
use super::chart::{self, Curve, Point};
use super::markdown::{how, number};
use super::ratios;
use super::results::{Record, Results};
use super::svg::escape;

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let results = &report.results;
    let how = escape(&how(report).replace("**", ""));
    let mut body = format!(
        "<h1>concurrent-futures and its peers</h1>\n{}",
        summary(results)
    );
    body += &format!("<p class=\"how\">{how}</p>\n");
    let short = short_line(report);
    let mut figure = |title: &str, picture: String, says: &str| {
        body += &format!(
            "<figure>\n<h2>{}</h2>\n{picture}<figcaption>{}<br>{}</figcaption>\n</figure>\n",
            escape(title),
            escape(says),
            escape(&short),
        );
    };
    if let Some(picture) = ratios::draw(results) {
        figure(
            "Our cost by the best peer's",
            picture,
            "Ratios of medians. Efficiencies are compared the other way round, so that shorter is \
         always better. W2 cold is compared with the naive port.",
        );
    }
    // The parts that a round's number of round trips can tell.
    for (row, title, last) in [
        ("w2hot", "Ping-pong, hot: latency", 0.999),
        ("w2cold", "Ping-pong, cold (a gap of 1 ms): latency", 0.99),
    ] {
        if let Some(picture) = latency(results, row, title, last) {
            figure(
                title,
                picture,
                "From submit to result. Each percentile is the median over the rounds.",
            );
        }
    }
    for (name, title, x, y) in CHARTS {
        if let Some(picture) = curves(results, name, title, x, *y) {
            figure(
                title,
                picture,
                "The line is the median of the rounds, the band their middle half.",
            );
        }
    }
    body += &table(results);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>concurrent-futures: benchmark</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

#[derive(Clone, Copy)]
enum Y {
    Cost,
    Efficiency,
}

/// The charts that have points of their own: name of the rows, title, what stands below.
const CHARTS: &[(&str, &str, &str, Y)] = &[
    (
        "pending",
        "Cost of a task against the number of pending futures, taken in order",
        "futures pending at once",
        Y::Cost,
    ),
    (
        "completing",
        "Cost of a task against the number of pending futures, taken as they complete",
        "futures pending at once",
        Y::Cost,
    ),
    (
        "length",
        "Efficiency against the length of a task",
        "µs of real work a task",
        Y::Efficiency,
    ),
    (
        "workers",
        "Efficiency against the number of workers, tasks of 10 µs",
        "workers",
        Y::Efficiency,
    ),
    (
        "producers",
        "Cost of a task against the number of threads that submit",
        "producers",
        Y::Cost,
    ),
];

fn curves(results: &Results, name: &str, title: &str, x: &str, y: Y) -> Option<String> {
    let curves: Vec<Curve> = results
        .chart(name)
        .into_iter()
        .map(|(contestant, records)| Curve {
            name: contestant.to_owned(),
            colour: colour(contestant),
            points: records.into_iter().filter_map(point).collect(),
        })
        .collect();
    let points = || curves.iter().flat_map(|c| &c.points);
    let mut xs: Vec<f64> = points().map(|p| p.x).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    if xs.is_empty() {
        return None;
    }
    let y = match y {
        Y::Cost => Axis::log("ns a task", points().flat_map(|p| [p.low, p.high])),
        Y::Efficiency => Axis::efficiency("efficiency (1 is no overhead)"),
    };
    Some(chart::draw(title, &Axis::log_at(x, &xs), &y, &curves))
}

fn point(record: &Record) -> Option<Point> {
    let spread = record.spread()?;
    Some(Point {
        x: record.x?,
        low: spread.quarter,
        middle: spread.median,
        high: spread.three_quarters,
    })
}

/// Whose colour is whose, on all pictures; whoever else is drawn has the next.
const COLOURED: [&str; 5] = [
    "concurrent-futures",
    "async-task + channel",
    "rayon spawn",
    "tokio spawn",
    "naive port",
];

fn colour(contestant: &str) -> usize {
    let place = COLOURED.iter().position(|c| *c == contestant);
    place.unwrap_or(COLOURED.len())
}

/// Who has a colour, and the fastest of the others: more curves could not be told apart.
fn latency(results: &Results, row: &str, title: &str, last: f64) -> Option<String> {
    let mut records = results.row(row);
    records.retain(|r| !r.quantiles.is_empty());
    records.sort_by(|a, b| a.median().total_cmp(&b.median()));
    let mut chosen: Vec<&Record> = COLOURED
        .iter()
        .filter_map(|name| records.iter().find(|r| r.contestant == *name).copied())
        .collect();
    let other = |r: &&&Record| colour(&r.contestant) == COLOURED.len();
    chosen.extend(records.iter().find(other));
    let curve = |record: &Record| {
        let parts = record.quantiles.iter().filter(|(part, _)| *part <= last);
        Curve {
            name: record.contestant.clone(),
            colour: colour(&record.contestant),
            points: parts
                .map(|&(part, ns)| Point {
                    x: part,
                    low: ns,
                    middle: ns,
                    high: ns,
                })
                .collect(),
        }
    };
    let curves: Vec<Curve> = chosen.into_iter().map(curve).collect();
    let values = curves.iter().flat_map(|c| &c.points).map(|p| p.middle);
    let y = Axis::log("ns", values);
    let x = Axis::percentiles("of the round trips take no longer", last);
    (!curves.is_empty()).then(|| chart::draw(title, &x, &y, &curves))
}

fn summary(results: &Results) -> String {
    let verdicts: Vec<_> = BARS.iter().filter_map(|bar| bar.judge(results)).collect();
    let missed: Vec<_> = verdicts.iter().filter(|v| !v.met).collect();
    let met = verdicts.len() - missed.len();
    let mut text = format!("<p><b>{met} of {} bars met.</b>", verdicts.len());
    if !missed.is_empty() {
        let names: Vec<_> = missed.iter().map(|v| escape(&v.ours.title)).collect();
        text += &format!(" Not met: {}.", names.join("; "));
    }
    text + "</p>\n"
}

/// Machine, compiler and rounds, short enough to stand under each picture.
fn short_line(report: &Report) -> String {
    let machine = &report.machine;
    let rounds = report.results.records.iter().map(|r| r.rounds.len()).max();
    format!(
        "{}; {}; {}; commit {}; {} rounds",
        machine.hardware,
        machine.system,
        machine.compiler,
        machine.commit,
        rounds.unwrap_or(0),
    )
}

fn table(results: &Results) -> String {
    let mut text = String::from(
        "<h2>Every bar</h2>\n<table>\n<tr><th>workload</th><th>unit</th><th>ours</th>\
         <th>rounds from–to</th><th>compared with</th><th></th><th>ratio</th><th>bar</th>\
         <th>met</th></tr>\n",
    );
    for verdict in BARS.iter().filter_map(|bar| bar.judge(results)) {
        let ours = verdict.ours;
        let range = ours.spread().map_or_else(String::new, |s| {
            format!("{}–{}", number(s.low), number(s.high))
        });
        let other = verdict.other.map_or("", |o| &o.contestant);
        let median = verdict
            .other
            .map_or_else(String::new, |o| number(o.median()));
        let ratio = verdict
            .ratio
            .map_or_else(String::new, |r| format!("{r:.2}"));
        let (class, met) = if verdict.met {
            ("met", "yes")
        } else {
            ("missed", "no")
        };
        text += &format!(
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{range}</td>\
             <td>{}</td><td class=\"n\">{median}</td><td class=\"n\">{ratio}</td><td>{}</td>\
             <td class=\"{class}\">{met}</td></tr>\n",
            escape(&ours.title),
            escape(&ours.unit),
            number(ours.median()),
            escape(other),
            escape(&verdict.limit),
        );
    }
    text + "</table>\n"
}
