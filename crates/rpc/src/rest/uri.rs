//! Paths and queries of REST.

/// How an answer shall look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Binary,
    Hex,
    Json,
    /// The path ends in none of them.
    Unknown,
}

/// Takes a path apart into what is asked for and the format; the query goes.
pub(super) fn split(path: &str) -> (&str, Format) {
    let path = path.rsplit_once('?').map_or(path, |(path, _)| path);
    let format = |ending| match ending {
        "bin" => Some(Format::Binary),
        "hex" => Some(Format::Hex),
        "json" => Some(Format::Json),
        "" => Some(Format::Unknown),
        _ => None,
    };
    let known = path
        .rsplit_once('.')
        .and_then(|(what, ending)| Some((what, format(ending)?)));
    known.unwrap_or((path, Format::Unknown))
}

/// A parameter of a query; empty if it has no value.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let query = query?;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    })
}

/// Resolves `%` and two hexadecimal digits; what is malformed stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// A whole number without a sign, or with a minus where the type has one.
pub(super) fn integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    (!text.starts_with('+')).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
