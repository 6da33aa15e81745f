//! Draws the head that all pages share, and the page.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Gauge, Paragraph, Sparkline, Tabs, Wrap};
use tipward_watch::{Limit, Phase, Point, Status};

use super::app::{App, Tab};
use super::words::{bytes, count, short, span};
use super::{lists, strip};

/// Draws everything. Whatever has no room is left out, from the bottom.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App) {
    let [title, message, gauge, figures, tabs, page, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title_line(app), title);
    frame.render_widget(message_line(app), message);
    frame.render_widget(
        Line::from(" Tab ←→ page   ↑↓ list   q end").style(Style::new().fg(Color::DarkGray)),
        keys,
    );
    let selected = Tab::ALL.iter().position(|tab| *tab == app.tab);
    let titles = Tab::ALL.iter().map(|tab| tab.title());
    let chosen = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(
        Tabs::new(titles).select(selected).highlight_style(chosen),
        tabs,
    );
    let Some(status) = &app.status else {
        return;
    };
    frame.render_widget(progress(status), gauge);
    frame.render_widget(Paragraph::new(figure_lines(status)), figures);
    match app.tab {
        Tab::Sync => sync(frame, page, app, status),
        Tab::Peers => lists::peers(frame, page, app, status),
        Tab::Left => lists::left(frame, page, app, status),
        Tab::Chain => lists::chain(frame, page, app, status),
        Tab::Machine => lists::machine(frame, page, status),
    }
}

fn title_line(app: &App) -> Line<'_> {
    let mut spans = vec![" tipward ".bold()];
    match &app.status {
        Some(status) => {
            spans.push(format!("{} on {}  ", status.node.version, status.node.network).into());
            let colour = match status.phase {
                Phase::Synced => Color::Green,
                Phase::Paused => Color::Red,
                _ => Color::Yellow,
            };
            spans.push(Span::styled(phase_words(status.phase), Style::new().fg(colour)).bold());
            let up = span(status.node.uptime as f64 / 1e3);
            spans.push(format!("  up {up}").fg(Color::DarkGray));
        }
        None => spans.push(format!("at {}", app.addr).into()),
    }
    spans.into()
}

fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Connecting => "looking for peers",
        Phase::Headers => "finding the best chain",
        Phase::Blocks => "downloading blocks",
        Phase::Validating => "validating",
        Phase::Synced => "at the tip",
        Phase::Paused => "paused",
    }
}

/// What is wrong comes before what is told.
fn message_line(app: &App) -> Line<'_> {
    if let Some(why) = &app.gone {
        return Line::from(format!(" No answer, trying again: {why}")).fg(Color::Red);
    }
    let Some(status) = &app.status else {
        return Line::from(" Waiting for the node's answer");
    };
    match status.warnings.first() {
        Some(warning) => Line::from(format!(" {warning}")).fg(Color::Red),
        None => Line::from(format!(" {}", status.message)),
    }
}

fn progress(status: &Status) -> Gauge<'_> {
    let share = status.sync.progress.clamp(0.0, 1.0);
    let percent = (share * 10_000.0).floor() / 100.0;
    Gauge::default()
        .ratio(share)
        .label(format!("{percent:.2} %"))
        .use_unicode(true)
        .gauge_style(Style::new().fg(Color::Green).bg(Color::DarkGray))
}

fn figure_lines(status: &Status) -> Vec<Line<'_>> {
    let (sync, rates) = (&status.sync, &status.rates);
    let left = match (status.phase, sync.eta) {
        (Phase::Synced, _) => "nothing left".to_owned(),
        (_, Some(seconds)) => format!("{} left", span(seconds as f64)),
        (_, None) => "time left unknown".to_owned(),
    };
    let limit = match (status.phase, sync.limit) {
        (Phase::Synced, _) | (_, Limit::None) => "",
        (_, Limit::Download) => " (download is slower)",
        (_, Limit::Validation) => " (validation is slower)",
    };
    let bold = |n: u32| count(u64::from(n)).bold();
    vec![
        Line::from(vec![
            " validated ".into(),
            bold(sync.tip),
            "  stored ".into(),
            bold(sync.stored),
            "  headers ".into(),
            bold(sync.headers),
            if sync.target > sync.headers {
                format!(" of {}", count(u64::from(sync.target))).into()
            } else {
                "".into()
            },
            format!("  {left}{limit}").into(),
        ]),
        Line::from(format!(
            " {} blocks/s  {}/s  {} transactions/s  {} peers",
            short(rates.blocks_validated),
            bytes(rates.bytes_stored),
            short(rates.transactions),
            status.peers.len()
        )),
    ]
}

fn sync(frame: &mut Frame<'_>, area: Rect, app: &App, status: &Status) {
    let width = usize::from(area.width.saturating_sub(2));
    let rows = strip::lines(&status.strip, width);
    let [head, cells, legend, front, blocks, megabytes] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(rows.len() as u16),
        Constraint::Length(if area.width < 90 { 2 } else { 1 }),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Min(3),
    ])
    .areas(indented(area));
    let window = &status.strip;
    let per_cell = match window.per_cell {
        1 => "one block".to_owned(),
        blocks => format!("{blocks} blocks"),
    };
    frame.render_widget(
        Line::from(format!(
            "Blocks {} to {}, {per_cell} a cell",
            count(u64::from(window.first)),
            count(u64::from(window.last)),
        ))
        .bold(),
        head,
    );
    frame.render_widget(Paragraph::new(rows), cells);
    let meanings = Paragraph::new(strip::legend(window)).wrap(Wrap { trim: true });
    frame.render_widget(meanings, legend);
    frame.render_widget(front_line(status), front);
    let line = |pick: fn(&Point) -> f64, scale: f64| -> Vec<u64> {
        let newest = app.course.recent.iter().rev().take(width);
        let mut values: Vec<u64> = newest.map(|p| (pick(p) * scale) as u64).collect();
        values.reverse();
        values
    };
    let rates = &status.rates;
    speed(
        frame,
        blocks,
        &format!(
            "Blocks validated a second: {}",
            short(rates.blocks_validated)
        ),
        &line(|p| p.3, 10.0),
        Color::Green,
    );
    speed(
        frame,
        megabytes,
        &format!("Stored a second: {}", bytes(rates.bytes_stored)),
        &line(|p| p.2, 1e4),
        Color::Blue,
    );
}

fn indented(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    }
}

fn front_line(status: &Status) -> Line<'_> {
    match status.strip.front {
        Some(front) => {
            let late = if front.late { ", late" } else { "" };
            let waited = span(front.waited as f64 / 1e3);
            let text = format!(
                "First block {}: asked of peer {} {waited} ago{late}",
                count(u64::from(front.height)),
                front.peer
            );
            if front.late {
                Line::from(text).fg(Color::Red)
            } else {
                Line::from(text)
            }
        }
        None if status.strip.left_out > 0 => Line::from(format!(
            "{} more stored blocks before these wait for validation",
            count(u64::from(status.strip.left_out))
        )),
        None => Line::default(),
    }
}

fn speed(frame: &mut Frame<'_>, area: Rect, title: &str, values: &[u64], colour: Color) {
    let [head, line] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(area);
    frame.render_widget(Line::from(title.to_owned()), head);
    frame.render_widget(Sparkline::default().data(values).style(colour), line);
}
