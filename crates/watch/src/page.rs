//! The page: plain HTML, CSS and JavaScript that come with the program. Nothing is fetched from elsewhere, and nothing has
//! to be built.

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Path on the server.
    pub path: &'static str,
    /// Content type.
    pub content_type: &'static str,
    /// Content.
    pub body: &'static str,
}

/// Where the page is.
pub const PATH: &str = "/watch";
/// Where its events come from.
pub const EVENTS: &str = "/watch/events";
/// Where the newest status is.
pub const STATUS: &str = "/watch/status";
/// Where the course of the rates is.
pub const COURSE: &str = "/watch/course";

/// What the page may do, said to the browser: run the scripts and styles of this very server, talk to it, and nothing else.
/// Nobody may put it into a frame.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// All files of the page.
pub const ASSETS: [Asset; 7] = [
    Asset {
        path: PATH,
        content_type: "text/html; charset=utf-8",
        body: include_str!("../assets/page.html"),
    },
    Asset {
        path: "/watch/style.css",
        content_type: "text/css; charset=utf-8",
        body: include_str!("../assets/style.css"),
    },
    Asset {
        path: "/watch/page.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../assets/page.js"),
    },
    Asset {
        path: "/watch/strip.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../assets/strip.js"),
    },
    Asset {
        path: "/watch/chart.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../assets/chart.js"),
    },
    Asset {
        path: "/watch/words.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../assets/words.js"),
    },
    Asset {
        path: "/watch/icon.svg",
        content_type: "image/svg+xml",
        body: include_str!("../assets/icon.svg"),
    },
];

#[cfg(test)]
mod tests;
