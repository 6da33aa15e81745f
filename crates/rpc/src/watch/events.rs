//! A stream of server-sent events: the course of the rates once, then each status as it comes. An event is made when the
//! reader can take one, so that nothing piles up for one that is slow.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::Frame;
use tipward_watch::{Feed, Looker};
use tokio::sync::OwnedSemaphorePermit;

/// Events are no closer than this.
const APART: Duration = Duration::from_millis(450);

/// The body of the answer.
pub(super) struct Events {
    /// `None` when the stream has ended.
    next: Option<Next>,
    _place: OwnedSemaphorePermit,
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Source)>> + Send>>;
type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the events are made from.
struct Source {
    looker: Looker,
    stop: Stop,
}

impl Events {
    /// Events of `feed` until `stop`.
    pub(super) fn new(
        feed: &Feed,
        stop: impl Future<Output = ()> + Send + 'static,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let source = Source {
            looker: feed.look(),
            stop: Box::pin(stop),
        };
        let course = serde_json::to_string(&feed.course()).unwrap_or_default();
        // A browser whose stream ends asks for another one after this many milliseconds.
        let first = format!(
            "retry: 1000\n\nevent: course\ndata: {course}\n\n{}",
            event(&feed.newest().json())
        );
        Self {
            next: Some(Box::pin(async move { Some((first.into(), source)) })),
            _place: place,
        }
    }
}

fn event(status: &str) -> String {
    format!("event: status\ndata: {status}\n\n")
}

impl Source {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        let shot = tokio::select! {
            () = &mut self.stop => None,
            shot = async {
                tokio::time::sleep(APART).await;
                self.looker.next().await
            } => shot,
        }?;
        Some((event(&shot.json()).into(), self))
    }
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let made = ready!(next.as_mut().poll(cx));
        let (bytes, source) = match made {
            Some((bytes, source)) => (Some(bytes), Some(source)),
            None => (None, None),
        };
        self.next = source.map(|source| Box::pin(source.next()) as Next);
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
