use crossbeam_channel::{Receiver, Sender, bounded};

/// Wakes the connect thread: whoever has something for it puts that in its place and rings.
#[derive(Clone, Debug)]
pub(crate) struct Bell(Sender<()>);

impl Bell {
    /// A bell, and what hears it.
    pub(crate) fn new() -> (Self, Receiver<()>) {
        let (sender, receiver) = bounded(1);
        (Self(sender), receiver)
    }

    /// Never waits. Rung twice before it is heard, it is heard once.
    pub(crate) fn ring(&self) {
        let _ = self.0.try_send(());
    }
}
