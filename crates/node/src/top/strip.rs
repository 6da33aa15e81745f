//! The download window, a character for each cell: readable without colours, too.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use tipward_watch::{Cell, STATES, Strip};

/// A character and a colour for each of the states, in their order. In flight is the last digit of the peer's id.
const LOOKS: [(char, Color); 6] = [
    ('█', Color::Green),
    ('▓', Color::LightGreen),
    ('▒', Color::Blue),
    ('+', Color::LightBlue),
    ('#', Color::Yellow),
    ('·', Color::DarkGray),
];
const IN_FLIGHT: usize = 4;
/// One of eight for each peer.
const PEERS: [Color; 8] = [
    Color::Yellow,
    Color::Magenta,
    Color::Cyan,
    Color::LightRed,
    Color::LightYellow,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// The colour of a peer.
pub(super) fn peer_colour(peer: u64) -> Color {
    PEERS[(peer % 8) as usize]
}

fn look(cell: &Cell) -> (char, Style) {
    let peer = cell.peer().unwrap_or(0);
    if cell.is_late() {
        let late = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        return ('!', late);
    }
    if cell.counts()[IN_FLIGHT] > 0 {
        let digit = char::from_digit((peer % 10) as u32, 10).unwrap_or('#');
        return (digit, Style::new().fg(peer_colour(peer)));
    }
    let (look, colour) = LOOKS[cell.mostly()];
    (look, Style::new().fg(colour))
}

/// The strip in lines of so many cells.
pub(super) fn lines(strip: &Strip, width: usize) -> Vec<Line<'static>> {
    strip
        .cells
        .chunks(width.max(1))
        .map(|row| {
            row.iter()
                .map(|cell| {
                    let (look, style) = look(cell);
                    Span::styled(look.to_string(), style)
                })
                .collect()
        })
        .collect()
}

/// What the characters mean, and how many blocks there are of each.
pub(super) fn legend(strip: &Strip) -> Line<'static> {
    let mut spans = Vec::new();
    for (at, (state, (look, colour))) in STATES.iter().zip(LOOKS).enumerate() {
        let look = if at == IN_FLIGHT {
            "0-9".to_owned()
        } else {
            look.to_string()
        };
        spans.push(Span::styled(look, Style::new().fg(colour)));
        spans.push(Span::raw(format!(" {state} {}  ", strip.counts[at])));
    }
    spans.into()
}
