//! Figures as people read them in a narrow place.

/// With commas between thousands.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits.
pub(super) fn short(n: f64) -> String {
    match n {
        n if n <= 0.0 => "0".to_owned(),
        n if n < 10.0 => format!("{n:.2}"),
        n if n < 100.0 => format!("{n:.1}"),
        n => count(n.round() as u64),
    }
}

pub(super) fn bytes(n: f64) -> String {
    const UNITS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    match UNITS.iter().find(|(_, size)| n >= *size) {
        Some((unit, size)) => format!("{} {unit}", short(n / size)),
        None => format!("{} B", n.max(0.0).round()),
    }
}

pub(super) fn mib(n: u64) -> String {
    count(n >> 20)
}

/// Two units at most.
pub(super) fn span(seconds: f64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds as u64;
    let at = UNITS
        .iter()
        .position(|(_, size)| whole >= *size)
        .unwrap_or(3);
    let (unit, size) = UNITS[at];
    match UNITS.get(at + 1) {
        Some((smaller, small)) if whole % size >= *small => {
            format!("{} {unit} {} {smaller}", whole / size, whole % size / small)
        }
        _ => format!("{} {unit}", whole / size),
    }
}
