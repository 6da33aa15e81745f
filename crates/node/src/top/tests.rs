use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use tipward_watch::{InFlight, Left, Peer, PeerState, Phase, Shape, Strip, Tip};

use super::app::Tab;
use super::*;

/// A node in the middle of a sync, with a late peer.
fn status() -> Status {
    let mut status = Status {
        phase: Phase::Blocks,
        message: "3,000 blocks to download".to_owned(),
        strip: Strip::of(&Shape {
            verified: 1_000,
            connected: 1_020,
            front: 1_100,
            blocks: 400,
            open: vec![(1_300, 1_499)],
            in_flight: vec![
                InFlight {
                    height: 1_100,
                    peer: 1,
                    waited: 8_000,
                    late: true,
                },
                InFlight {
                    height: 1_299,
                    peer: 0,
                    waited: 100,
                    late: false,
                },
            ],
            received: vec![1_298],
        }),
        peers: vec![
            Peer {
                id: 0,
                addr: "127.0.0.1:18501".to_owned(),
                user_agent: "/fast:1/".to_owned(),
                state: PeerState::Busy,
                in_flight: 1,
                ..Peer::default()
            },
            Peer {
                id: 1,
                addr: "127.0.0.1:18502".to_owned(),
                user_agent: "/slow:1/".to_owned(),
                state: PeerState::Late,
                in_flight: 1,
                services: vec!["NETWORK".to_owned(), "WITNESS".to_owned()],
                ..Peer::default()
            },
        ],
        left: vec![Left {
            id: 7,
            addr: "192.0.2.7:8333".to_owned(),
            why: "it sent nonsense".to_owned(),
            ..Left::default()
        }],
        tips: vec![Tip {
            hash: "00000000a9da63".to_owned(),
            height: 1_000,
            status: "active".to_owned(),
            ..Tip::default()
        }],
        ..Status::default()
    };
    status.node.network = "regtest".to_owned();
    (status.sync.tip, status.sync.stored, status.sync.headers) = (1_000, 1_099, 4_000);
    (status.sync.target, status.sync.progress) = (4_000, 0.123_456);
    status.sync.eta = Some(125);
    status
}

fn app() -> App {
    let mut app = App::new("127.0.0.1:18443".parse().unwrap());
    app.hear(News::Status(Box::new(status())));
    app
}

/// What stands on a screen of a size.
fn screen(app: &App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::draw(frame, app)).unwrap();
    terminal.backend().to_string()
}

fn press(app: &mut App, code: KeyCode) {
    app.press(&KeyEvent::from(code));
}

#[test]
fn the_sync_page_fits_on_a_small_terminal() {
    let screen = screen(&app(), 80, 24);
    for text in [
        "regtest",
        "downloading blocks",
        "12.34 %",
        "validated 1,000",
        "2 min 5 s left",
        "2 blocks a cell",
        "in flight 2",
        "First block 1,100: asked of peer 1 8.0 s ago, late",
        "Blocks validated a second",
        "Stored a second",
        "q end",
    ] {
        assert!(screen.contains(text), "{text} is missing in\n{screen}");
    }
    // The late block stands out in its row of stored ones.
    assert!(screen.contains("▒!▒") || screen.contains("▓!▒"), "{screen}");
}

#[test]
fn every_page_can_be_reached_and_is_drawn_at_any_size() {
    let mut app = app();
    let words = [
        "a cell",
        "127.0.0.1:18502",
        "it sent nonsense",
        "active",
        "Processor time",
    ];
    for (tab, word) in Tab::ALL.into_iter().zip(words) {
        assert_eq!(app.tab, tab);
        let text = screen(&app, 80, 24);
        assert!(text.contains(word), "{word} is missing in\n{text}");
        for (width, height) in [(1, 1), (20, 5), (40, 12), (200, 60)] {
            screen(&app, width, height);
        }
        press(&mut app, KeyCode::Tab);
    }
    assert_eq!(app.tab, Tab::Sync);
    press(&mut app, KeyCode::Left);
    assert_eq!(app.tab, Tab::Machine);
    press(&mut app, KeyCode::Char('2'));
    assert_eq!(app.tab, Tab::Peers);
}

#[test]
fn arrows_choose_a_peer_and_its_details_show() {
    let mut app = app();
    press(&mut app, KeyCode::Right);
    assert!(screen(&app, 80, 24).contains("/fast:1/"));
    press(&mut app, KeyCode::Down);
    let text = screen(&app, 80, 24);
    assert!(
        text.contains("/slow:1/") && text.contains("NETWORK WITNESS"),
        "{text}"
    );
    // There is no third one.
    press(&mut app, KeyCode::Down);
    assert!(screen(&app, 80, 24).contains("/slow:1/"));
    // The list became shorter.
    let mut fewer = status();
    fewer.peers.pop();
    app.hear(News::Status(Box::new(fewer)));
    assert!(screen(&app, 80, 24).contains("/fast:1/"));
}

#[test]
fn a_node_that_is_gone_is_said_so_and_the_last_figures_stay() {
    let mut app = app();
    app.hear(News::Gone("cannot talk to a node".to_owned()));
    let text = screen(&app, 80, 24);
    assert!(
        text.contains("No answer, trying again: cannot talk to a node"),
        "{text}"
    );
    assert!(text.contains("validated 1,000"), "{text}");
    app.hear(News::Status(Box::new(status())));
    assert!(!screen(&app, 80, 24).contains("No answer"));
}

#[test]
fn before_the_first_answer_there_is_a_screen_too() {
    let app = App::new("127.0.0.1:18443".parse().unwrap());
    let text = screen(&app, 80, 24);
    assert!(
        text.contains("at 127.0.0.1:18443") && text.contains("Waiting"),
        "{text}"
    );
}

#[test]
fn q_escape_and_control_c_end_it() {
    for key in [
        KeyEvent::from(KeyCode::Char('q')),
        KeyEvent::from(KeyCode::Esc),
        KeyEvent::new(
            KeyCode::Char('c'),
            ratatui::crossterm::event::KeyModifiers::CONTROL,
        ),
    ] {
        let mut app = app();
        app.press(&key);
        assert!(app.is_over());
    }
}
