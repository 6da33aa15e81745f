//! What the node shows of itself: one collector asks its parts and puts a [`Status`] together, for the page, the metrics,
//! `tipward top` and the progress bars.
//!
//! It asks as JSON-RPC does, the driver between two inputs and the pipeline's counters without waiting: some hundred
//! microseconds of the driver's time, four times a second while anybody looks, once a second otherwise. Nobody waits for it.

mod convert;
mod figures;
mod path;
mod process;
mod tally;
mod warnings;

use std::time::{Duration, Instant};

use tipward_watch::{NodeFigures, Point, Publisher, Status};

use crate::config::Config;
use crate::node::NodeHandle;
use figures::{Asked, Figures};
pub(crate) use tally::Tally;

/// How often a status is made while somebody looks at every one.
const WATCHED: Duration = Duration::from_millis(250);
/// How often otherwise.
const UNWATCHED: Duration = Duration::from_secs(1);
/// A point of the course stands for so long.
const POINT: Duration = Duration::from_secs(1);
/// What takes files to find out is found out this often.
const SLOW: Duration = Duration::from_secs(5);

/// Makes one status after another until the node ends.
pub(crate) async fn collect(node: NodeHandle, publisher: Publisher, start: NodeFigures) {
    let mut figures = {
        let node = node.clone();
        let begun = tokio::task::spawn_blocking(move || Figures::new(&node, start));
        match begun.await {
            Ok(figures) => figures,
            // The runtime ends.
            Err(_) => return,
        }
    };
    let (mut last_point, mut last_slow) = (None::<Instant>, None::<Instant>);
    while !node.shutdown.is_cancelled() {
        let due = |last: Option<Instant>, every| last.is_none_or(|at| at.elapsed() >= every);
        if due(last_slow, SLOW) {
            last_slow = Some(Instant::now());
            let node = node.clone();
            if let Ok(slow) = tokio::task::spawn_blocking(move || process::look(&node)).await {
                figures.take_slow(slow);
            }
        }
        let asked = Instant::now();
        let Some(answer) = node.ask(Asked::of).await else {
            return;
        };
        let status = figures.status(&node, &answer, asked.elapsed());
        if due(last_point, POINT) {
            last_point = Some(Instant::now());
            let seconds = status.node.uptime as f64 / 1e3;
            publisher.add_to_course(Point::new(seconds, &status.rates));
        }
        publisher.publish(status);
        let pause = if publisher.is_watched() {
            WATCHED
        } else {
            UNWATCHED
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = node.shutdown.cancelled() => return,
        }
    }
}

/// What is known of a run before anything else is.
pub(crate) fn begin(config: &Config) -> Publisher {
    let node = NodeFigures {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        user_agent: concat!("/tipward:", env!("CARGO_PKG_VERSION"), "/").to_owned(),
        network: config.network.to_string(),
        run: rand::random::<u64>() >> 12,
        time: convert::now_ms(),
        uptime: 0,
    };
    Publisher::new(Status::starting(node, "Opening the data directory"))
}
