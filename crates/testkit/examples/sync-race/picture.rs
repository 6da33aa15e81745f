//! The results as a table and as a picture.

use std::fmt::Write as _;
use std::path::Path;

use super::Outcome;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 64.0;
const GAP: f64 = 76.0;
const COLUMNS: usize = 2;
const COLOURS: [(&str, &str); 3] = [
    ("tipward", "#d4761a"),
    ("Core", "#3b6ea5"),
    ("tutorial", "#8a8a8a"),
];

/// Writes `sync-race.csv` and `sync-race.svg` into a directory.
pub(crate) fn write(to: &Path, outcomes: &[Outcome]) -> std::io::Result<()> {
    std::fs::write(to.join("sync-race.csv"), table(outcomes))?;
    std::fs::write(to.join("sync-race.svg"), picture(outcomes))
}

fn table(outcomes: &[Outcome]) -> String {
    let mut csv = String::from(
        "own_mbit,peers,policy,finished,hours,utilisation,bytes,bytes_twice,dropped,first_block_s\n",
    );
    for Outcome {
        own,
        peers,
        policy,
        report,
    } in outcomes
    {
        let _ = writeln!(
            csv,
            "{own},{peers},{policy},{},{:.4},{:.4},{},{},{},{:.1}",
            report.finished,
            report.took.as_secs_f64() / 3600.0,
            report.utilisation(),
            report.bytes,
            report.wasted,
            report.dropped,
            report.first_block.unwrap_or_default().as_secs_f64()
        );
    }
    csv
}

/// A panel for each line and crowd: how much had come when.
fn picture(outcomes: &[Outcome]) -> String {
    let mut panels: Vec<(u32, usize)> = outcomes.iter().map(|o| (o.own, o.peers)).collect();
    panels.dedup();
    // Lines side by side, crowds one below the other.
    panels.sort_by_key(|(own, peers)| (*peers, std::cmp::Reverse(*own)));
    let rows = panels.len().div_ceil(COLUMNS);
    let width = LEFT + COLUMNS as f64 * (WIDTH + GAP);
    let height = TOP + rows as f64 * (HEIGHT + GAP);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">
<rect width="{width}" height="{height}" fill="white"/>
<text x="{LEFT}" y="24" font-size="15">Mainnet's blocks, fetched in the simulator: gigabytes received over hours</text>
"#
    );
    for (i, (name, colour)) in COLOURS.into_iter().enumerate() {
        let x = LEFT + i as f64 * 110.0;
        let _ = writeln!(
            svg,
            r#"<line x1="{x}" y1="40" x2="{}" y2="40" stroke="{colour}" stroke-width="3"/><text x="{}" y="44">{name}</text>"#,
            x + 22.0,
            x + 28.0
        );
    }
    for (i, panel) in panels.into_iter().enumerate() {
        let x = LEFT + (i % COLUMNS) as f64 * (WIDTH + GAP);
        let y = TOP + (i / COLUMNS) as f64 * (HEIGHT + GAP) + 20.0;
        let of_panel: Vec<&Outcome> = outcomes
            .iter()
            .filter(|o| (o.own, o.peers) == panel)
            .collect();
        draw(&mut svg, x, y, panel, &of_panel);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, x: f64, y: f64, (own, peers): (u32, usize), outcomes: &[&Outcome]) {
    let hours = |seconds: f64| seconds / 3600.0;
    let ours = outcomes
        .iter()
        .find(|o| o.policy == COLOURS[0].0)
        .map_or(1.0, |o| hours(o.report.took.as_secs_f64()));
    // Four times our own time is enough to see how the others do.
    let most = outcomes
        .iter()
        .map(|o| hours(o.report.took.as_secs_f64()))
        .fold(0.0, f64::max)
        .min(4.0 * ours);
    let bytes = outcomes.iter().map(|o| o.report.bytes).max().unwrap_or(1) as f64;
    let _ = writeln!(
        svg,
        r##"<text x="{x}" y="{}">{own} Mbit/s of our own, {peers} peers</text>
<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ccc"/>"##,
        y - 8.0
    );
    for tick in 0..=4 {
        let part = f64::from(tick) / 4.0;
        let _ = writeln!(
            svg,
            r##"<text x="{}" y="{}" text-anchor="middle" fill="#555">{:.1} h</text><text x="{}" y="{}" text-anchor="end" fill="#555">{:.0}</text>"##,
            x + part * WIDTH,
            y + HEIGHT + 16.0,
            part * most,
            x - 6.0,
            y + HEIGHT * (1.0 - part) + 4.0,
            part * bytes / 1e9
        );
    }
    for (i, outcome) in outcomes.iter().enumerate() {
        let Some((_, colour)) = COLOURS.iter().find(|(name, _)| *name == outcome.policy) else {
            continue;
        };
        let mut points = format!("{x:.1},{:.1}", y + HEIGHT);
        for (seconds, came) in &outcome.report.progress {
            if hours(*seconds) > most {
                break;
            }
            let _ = write!(
                points,
                " {:.1},{:.1}",
                x + hours(*seconds) / most * WIDTH,
                y + HEIGHT * (1.0 - *came as f64 / bytes)
            );
        }
        let _ = writeln!(
            svg,
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/><text x="{}" y="{}" text-anchor="end" fill="{colour}">{:.1} h, {:.1} %</text>"#,
            x + WIDTH - 8.0,
            y + HEIGHT - 12.0 - 16.0 * (outcomes.len() - 1 - i) as f64,
            hours(outcome.report.took.as_secs_f64()),
            outcome.report.utilisation() * 100.0
        );
    }
}
