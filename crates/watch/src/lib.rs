//! What a node shows of itself: plain figures, how they went over time, and the page and the metrics made of them.
//!
//! ```text
//!   node: a collector asks the driver and the pipeline, a few times a second
//!                        │
//!                        ▼
//!   Gauge ──▶ Estimator ──▶ Status ──▶ Feed ──┬──▶ page (JSON, server-sent events)
//!   what is counted   rates, time left        ├──▶ metrics, health
//!                                             ├──▶ `tipward top`
//!                                             └──▶ progress bars
//! ```
//!
//! There is one [`Status`], so that the page, the terminal, the metrics and the progress bars never tell different
//! stories. Nothing here asks a node anything or opens a socket: the node fills a [`Status`] in and puts it
//! into the [`Feed`], and whoever wants to look takes the newest one out. A reader that is slow misses some, and holds
//! nobody up.

mod course;
mod estimate;
mod expected;
mod feed;
mod health;
pub mod metrics;
pub mod page;
mod status;
mod strip;

pub use course::{Course, Point};
pub use estimate::{Estimate, Estimator, Gauge, Totals};
pub use expected::SizeCurve;
pub use feed::{Feed, Looker, Publisher, Shot};
pub use health::{Health, health, ready};
pub use status::{
    Coins, Credits, Disk, Events, Latency, Left, Limit, NodeFigures, Peer, PeerState, Phase,
    Process, Queues, Rates, Status, Sync, Threads, Tip, Traffic,
};
pub use strip::{Cell, Front, InFlight, MOST_CELLS, STATES, Shape, Strip};
