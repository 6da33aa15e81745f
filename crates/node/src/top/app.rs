//! What is shown, and what keys change of it.

use std::net::SocketAddr;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tipward_watch::{Course, Status};

/// Something came from the node, or did not.
pub(super) enum News {
    Status(Box<Status>),
    Course(Course),
    Gone(String),
}

/// The pages, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Sync,
    Peers,
    Left,
    Chain,
    Machine,
}

impl Tab {
    pub(super) const ALL: [Self; 5] = [
        Self::Sync,
        Self::Peers,
        Self::Left,
        Self::Chain,
        Self::Machine,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Sync => "Sync",
            Self::Peers => "Peers",
            Self::Left => "Who left",
            Self::Chain => "Chain",
            Self::Machine => "Machine",
        }
    }

    fn step(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()]
    }
}

/// See the module's page.
pub(super) struct App {
    pub(super) addr: SocketAddr,
    pub(super) status: Option<Status>,
    pub(super) course: Course,
    /// Why there is no newer status.
    pub(super) gone: Option<String>,
    pub(super) tab: Tab,
    /// The line of the page's list that is chosen.
    pub(super) chosen: usize,
    over: bool,
}

impl App {
    pub(super) fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            status: None,
            course: Course::default(),
            gone: None,
            tab: Tab::Sync,
            chosen: 0,
            over: false,
        }
    }

    pub(super) fn hear(&mut self, news: News) {
        match news {
            News::Status(status) => {
                self.status = Some(*status);
                self.gone = None;
                self.chosen = self.chosen.min(self.lines().saturating_sub(1));
            }
            News::Course(course) => self.course = course,
            News::Gone(why) => self.gone = Some(why),
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => self.over = true,
            KeyCode::Char('q') | KeyCode::Esc => self.over = true,
            KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => self.turn(1),
            KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => self.turn(Tab::ALL.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => self.choose(self.chosen.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => self.choose(self.chosen.saturating_sub(1)),
            KeyCode::PageDown => self.choose(self.chosen.saturating_add(10)),
            KeyCode::PageUp => self.choose(self.chosen.saturating_sub(10)),
            KeyCode::Home => self.choose(0),
            KeyCode::End => self.choose(usize::MAX),
            KeyCode::Char(digit) => {
                let at = digit.to_digit(10).and_then(|n| n.checked_sub(1));
                if let Some(tab) = at.and_then(|at| Tab::ALL.get(at as usize)) {
                    self.tab = *tab;
                    self.chosen = 0;
                }
            }
            _ => {}
        }
    }

    fn turn(&mut self, by: usize) {
        self.tab = self.tab.step(by);
        self.chosen = 0;
    }

    fn choose(&mut self, line: usize) {
        self.chosen = line.min(self.lines().saturating_sub(1));
    }

    /// Lines of the page's list.
    fn lines(&self) -> usize {
        let Some(status) = &self.status else {
            return 0;
        };
        match self.tab {
            Tab::Peers => status.peers.len(),
            Tab::Left => status.left.len(),
            Tab::Chain => status.tips.len(),
            Tab::Sync | Tab::Machine => 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}
