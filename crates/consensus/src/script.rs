//! Reading scripts without running them: their steps, and the few forms that rules tell apart.

/// The most bytes that a script may have to be run.
const MAX_SCRIPT_SIZE: usize = 10_000;

const OP_0: u8 = 0x00;
const OP_PUSHDATA1: u8 = 0x4c;
const OP_PUSHDATA2: u8 = 0x4d;
const OP_PUSHDATA4: u8 = 0x4e;
const OP_1: u8 = 0x51;
const OP_16: u8 = 0x60;
const OP_RETURN: u8 = 0x6a;
const OP_EQUAL: u8 = 0x87;
const OP_HASH160: u8 = 0xa9;

/// Bytes of a witness program (BIP141).
const WITNESS_PROGRAM: std::ops::RangeInclusive<usize> = 2..=40;

/// One step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op<'a> {
    pub(crate) opcode: u8,
    /// What it pushes from the script itself; empty for what is not a push of bytes.
    pub(crate) pushed: &'a [u8],
}

/// A push runs past the script's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truncated;

/// The steps of a script, up to its end or to a push that runs past it.
#[derive(Clone, Debug)]
pub(crate) struct Ops<'a> {
    rest: &'a [u8],
}

impl<'a> Ops<'a> {
    pub(crate) fn new(script: &'a [u8]) -> Self {
        Self { rest: script }
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Result<Op<'a>, Truncated>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&opcode, after) = self.rest.split_first()?;
        self.rest = after;
        let pushed = match opcode {
            0..OP_PUSHDATA1 => Some(usize::from(opcode)),
            OP_PUSHDATA1 => length(&mut self.rest, 1),
            OP_PUSHDATA2 => length(&mut self.rest, 2),
            OP_PUSHDATA4 => length(&mut self.rest, 4),
            _ => Some(0),
        };
        match pushed.and_then(|len| self.rest.split_at_checked(len)) {
            Some((pushed, after)) => {
                self.rest = after;
                Some(Ok(Op { opcode, pushed }))
            }
            None => {
                self.rest = &[];
                Some(Err(Truncated))
            }
        }
    }
}

/// Reads a push's length of `bytes` bytes, least significant first.
fn length(rest: &mut &[u8], bytes: usize) -> Option<usize> {
    let (digits, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(
        digits
            .iter()
            .rev()
            .fold(0, |len, digit| (len << 8) | usize::from(*digit)),
    )
}

/// The number that `opcode` pushes, if it is one of those that push 1 to 16.
pub(crate) fn small_number(opcode: u8) -> Option<u8> {
    (OP_1..=OP_16)
        .contains(&opcode)
        .then(|| opcode - (OP_1 - 1))
}

/// What a script of pushes alone leaves on top of the stack (numbers from -1 to 16 that are pushed by an opcode count as
/// empty); `None` if it does anything else or is cut off.
pub(crate) fn last_push(script: &[u8]) -> Option<&[u8]> {
    let mut last: &[u8] = &[];
    for op in Ops::new(script) {
        let op = op.ok()?;
        if op.opcode > OP_16 {
            return None;
        }
        last = op.pushed;
    }
    Some(last)
}

/// The script pays to a script's hash (BIP16).
pub(crate) fn is_p2sh(script: &[u8]) -> bool {
    matches!(script, [OP_HASH160, 20, hash @ .., OP_EQUAL] if hash.len() == 20)
}

/// What a script that is nothing but a version and one push means (BIP141).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WitnessProgram<'a> {
    /// 0 to 16.
    pub(crate) version: u8,
    /// 2 to 40 bytes.
    pub(crate) program: &'a [u8],
}

impl<'a> WitnessProgram<'a> {
    pub(crate) fn of(script: &'a [u8]) -> Option<Self> {
        let [version, len, program @ ..] = script else {
            return None;
        };
        let version = match *version {
            OP_0 => 0,
            opcode => small_number(opcode)?,
        };
        let fits = usize::from(*len) == program.len() && WITNESS_PROGRAM.contains(&program.len());
        fits.then_some(Self { version, program })
    }
}

/// Nobody can ever spend an output with this script: it begins with `OP_RETURN`, or is too long to be run. Such outputs
/// are no coins.
pub fn is_unspendable(script: &[u8]) -> bool {
    script.first() == Some(&OP_RETURN) || script.len() > MAX_SCRIPT_SIZE
}

#[cfg(test)]
mod tests;
