//! The pages that are lists.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table, TableState, Wrap};
use tipward_watch::{Peer, PeerState, Status};

use super::app::App;
use super::strip::peer_colour;
use super::words::{bytes, count, mib, span};

pub(super) fn peers(frame: &mut Frame<'_>, area: Rect, app: &App, status: &Status) {
    let [list, about] = Layout::vertical([Constraint::Min(3), Constraint::Length(5)]).areas(area);
    let rows = status.peers.iter().map(|peer| {
        let bad = matches!(peer.state, PeerState::Late | PeerState::Silent);
        let state = Span::styled(
            peer.state.name(),
            if bad { Color::Red } else { Color::Reset },
        );
        Row::new(vec![
            Line::from(peer.id.to_string().fg(peer_colour(peer.id))),
            Line::from(peer.addr.clone()),
            Line::from(state),
            right(count(peer.in_flight)),
            right(
                peer.speed
                    .map_or("-".to_owned(), |speed| format!("{}/s", bytes(speed))),
            ),
            right(
                peer.ping
                    .map_or("-".to_owned(), |ping| format!("{ping:.0} ms")),
            ),
            right(bytes(peer.received as f64)),
            right(count(peer.blocks)),
        ])
    });
    let widths = [
        Constraint::Length(4),
        Constraint::Min(21),
        Constraint::Length(9),
        Constraint::Length(6),
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(7),
    ];
    let head = [
        "Peer", "Address", "State", "Flight", "Speed", "Ping", "Received", "Blocks",
    ];
    table(frame, list, app.chosen, &head, rows.collect(), &widths);
    if let Some(peer) = status.peers.get(app.chosen) {
        let lines = about_peer(peer, status.node.time / 1000);
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), about);
    }
}

fn about_peer(peer: &Peer, now: u64) -> Vec<Line<'_>> {
    let since = span(now.saturating_sub(peer.since) as f64);
    let oldest = match peer.oldest {
        Some(ms) => format!(", the oldest request {} ago", span(ms as f64 / 1e3)),
        None => String::new(),
    };
    let height = peer
        .height
        .map_or("unknown".to_owned(), |h| count(u64::from(h)));
    vec![
        Line::from(format!("Peer {}: {}", peer.id, peer.user_agent)).bold(),
        Line::from(format!(
            "joined as {} {since} ago, protocol {}, {}",
            peer.kind, peer.version, peer.transport
        )),
        Line::from(format!("services {}", peer.services.join(" "))),
        Line::from(format!(
            "known to have header {height}; {} blocks in flight{oldest}; sent {}",
            peer.in_flight,
            bytes(peer.sent as f64)
        )),
    ]
}

pub(super) fn left(frame: &mut Frame<'_>, area: Rect, app: &App, status: &Status) {
    let [list, about] = Layout::vertical([Constraint::Min(3), Constraint::Length(3)]).areas(area);
    let now = status.node.time / 1000;
    let rows = status.left.iter().map(|left| {
        Row::new(vec![
            Line::from(left.id.to_string()),
            Line::from(left.addr.clone()),
            Line::from(left.kind.clone()),
            right(format!("{} ago", span(now.saturating_sub(left.at) as f64))),
            Line::from(left.why.clone()),
        ])
    });
    let widths = [
        Constraint::Length(5),
        Constraint::Length(21),
        Constraint::Length(11),
        Constraint::Length(14),
        Constraint::Min(20),
    ];
    let head = ["Peer", "Address", "Joined as", "Left", "Why"];
    table(frame, list, app.chosen, &head, rows.collect(), &widths);
    if let Some(left) = status.left.get(app.chosen) {
        let why = Paragraph::new(format!("Peer {}: {}", left.id, left.why));
        frame.render_widget(why.wrap(Wrap { trim: true }), about);
    }
}

pub(super) fn chain(frame: &mut Frame<'_>, area: Rect, app: &App, status: &Status) {
    let [list, about] = Layout::vertical([Constraint::Min(3), Constraint::Length(2)]).areas(area);
    let rows = status.tips.iter().map(|tip| {
        Row::new(vec![
            right(count(u64::from(tip.height))),
            Line::from(tip.hash.clone()),
            right(count(u64::from(tip.branch))),
            Line::from(tip.status.clone()),
        ])
    });
    let widths = [
        Constraint::Length(9),
        Constraint::Min(30),
        Constraint::Length(6),
        Constraint::Length(13),
    ];
    let head = ["Height", "Block", "Branch", "State"];
    table(frame, list, app.chosen, &head, rows.collect(), &widths);
    let events = &status.events;
    let text = vec![
        Line::from(format!(
            " {} branches; {} reorganizations since the start, the deepest of {} blocks",
            status.tips_in_all, events.reorganizations, events.deepest_reorganization
        )),
        Line::from(format!(
            " {} headers received, {} refused",
            count(events.headers_received),
            count(events.headers_refused)
        )),
    ];
    frame.render_widget(Paragraph::new(text), about);
}

pub(super) fn machine(frame: &mut Frame<'_>, area: Rect, status: &Status) {
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(area);
    let (credits, coins, disk) = (&status.credits, &status.coins, &status.disk);
    let (queues, process) = (&status.queues, &status.process);
    let flush = match (coins.flushing, coins.flushes) {
        (true, _) => format!("running, {} written", count(coins.written)),
        (false, 0) => "none yet".to_owned(),
        (false, n) => format!("{n}, last {}", span(coins.last_flush_seconds)),
    };
    let mut lines = vec![
        heading("Memory"),
        pair("process", &format!("{} MiB", mib(process.resident))),
        pair(
            "coins",
            &format!("{} of {} MiB", mib(coins.memory), mib(coins.budget)),
        ),
        pair("coins to write", &count(coins.dirty)),
        pair("flushes", &flush),
        pair(
            "blocks on their way",
            &format!(
                "{} of {} MiB",
                mib(credits.asked + credits.held),
                mib(credits.capacity)
            ),
        ),
        heading("Disk"),
        pair("blocks", &bytes(disk.blocks as f64)),
        pair("undo data", &bytes(disk.undo as f64)),
        pair("coins", &bytes(disk.coins as f64)),
        pair("free", &bytes(disk.free as f64)),
    ];
    lines.extend(
        status
            .warnings
            .iter()
            .map(|w| Line::from(format!(" {w}")).fg(Color::Red)),
    );
    frame.render_widget(Paragraph::new(lines), left);
    let mut lines = vec![
        heading("Waiting"),
        pair("messages", &count(queues.messages)),
        pair("to check", &count(queues.check)),
        pair("to write", &count(queues.write)),
        pair("read ahead", &count(queues.ready)),
        pair("scripts to verify", &count(queues.lead)),
        heading("Processor time"),
    ];
    lines.extend(
        process
            .threads
            .iter()
            .map(|stage| pair(&stage.stage, &span(stage.cpu_seconds))),
    );
    frame.render_widget(Paragraph::new(lines), right);
}

fn heading(text: &'static str) -> Line<'static> {
    Line::from(format!(" {text}")).bold()
}

fn pair(what: &str, value: &str) -> Line<'static> {
    Line::from(format!(" {what:<20}{value}"))
}

fn right(text: String) -> Line<'static> {
    Line::from(text).right_aligned()
}

fn table(
    frame: &mut Frame<'_>,
    area: Rect,
    chosen: usize,
    head: &[&'static str],
    rows: Vec<Row<'_>>,
    widths: &[Constraint],
) {
    let head = Row::new(head.to_vec()).style(Style::new().fg(Color::DarkGray));
    let mut state = TableState::new().with_selected((!rows.is_empty()).then_some(chosen));
    let table = Table::new(rows, widths.to_vec())
        .header(head)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut state);
}
