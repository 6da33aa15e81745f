//! `tipward top`: what the page shows, in a terminal. It asks the running node for its status twice a second, over HTTP and
//! with its cookie, as the page does.

mod app;
mod draw;
mod lists;
mod strip;
#[cfg(test)]
mod tests;
mod words;

use std::io::IsTerminal as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use ratatui::crossterm::event::{self, Event};
use tipward_rpc::client::{CallError, Client};
use tipward_watch::{Course, Status, page};

use crate::client;
use crate::config::ClientConfig;
use app::{App, News};

/// How often the node is asked.
const EVERY: Duration = Duration::from_millis(500);
/// The course is asked for with every so many statuses.
const COURSE_EVERY: u32 = 4;
/// How soon a key or an answer is seen.
const LOOK: Duration = Duration::from_millis(50);
/// A node that does not answer within this is not there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Options of `tipward top`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Keys: Tab, arrows left and right: pages; arrows up and down: lists; q: end.

Examples:
  tipward top                          the node of the main network
  tipward top --network regtest        another network's
  tipward top --rpcport 18443          at another port of this machine")]
pub struct TopArgs {}

/// Shows the node until the user has seen enough.
pub fn run(config: &ClientConfig) -> anyhow::Result<()> {
    ensure!(
        std::io::stdout().is_terminal(),
        "tipward top draws on a terminal, and standard output is none: the same figures are at {}",
        page::STATUS
    );
    let client = Client {
        timeout: Some(PATIENCE),
        ..client::of(config)?
    };
    let mut app = App::new(client.addr);
    // One answer waits at most: what has not been drawn is replaced by the next question.
    let (told, news) = sync_channel(1);
    std::thread::Builder::new()
        .name("ask".to_owned())
        .spawn(move || ask(&client, &told))
        .context("cannot start a thread")?;
    let mut terminal = ratatui::try_init().context("cannot draw on this terminal")?;
    let ended = show(&mut terminal, &mut app, &news);
    ratatui::restore();
    ended
}

/// Asks again and again until nobody listens.
fn ask(client: &Client, told: &SyncSender<News>) {
    for round in 0_u32.. {
        let news = match status(client) {
            Ok(status) => News::Status(Box::new(status)),
            Err(error) => News::Gone(error.to_string()),
        };
        let mut gone = told.send(news).is_err();
        if round.is_multiple_of(COURSE_EVERY)
            && let Ok(course) = course(client)
        {
            gone |= told.send(News::Course(course)).is_err();
        }
        if gone {
            return;
        }
        std::thread::sleep(EVERY);
    }
}

fn status(client: &Client) -> Result<Status, CallError> {
    let body = client.get(page::STATUS)?;
    serde_json::from_slice(&body).map_err(|error| CallError::Nonsense(error.to_string()))
}

fn course(client: &Client) -> Result<Course, CallError> {
    let body = client.get(page::COURSE)?;
    serde_json::from_slice(&body).map_err(|error| CallError::Nonsense(error.to_string()))
}

fn show(
    terminal: &mut ratatui::DefaultTerminal,
    app: &mut App,
    news: &Receiver<News>,
) -> anyhow::Result<()> {
    let mut changed = true;
    loop {
        if changed {
            terminal.draw(|frame| draw::draw(frame, app))?;
        }
        changed = false;
        if event::poll(LOOK)? {
            match event::read()? {
                Event::Key(key) if key.is_press() => app.press(&key),
                Event::Resize(..) => {}
                _ => continue,
            }
            changed = true;
        }
        for news in news.try_iter() {
            app.hear(news);
            changed = true;
        }
        if app.is_over() {
            return Ok(());
        }
    }
}
