//! Saved captures as a feed: a thread reads them, the screens take what it hands over.

use super::Opener;
use super::reader::Reader;
use crate::diagnose::Thresholds;
use crate::engine::Limits;
use crate::target::Target;
use crate::ui::feed::{Data, Feed, Order, Rivals, State, Status};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// What to read, and what to look for in it.
#[derive(Clone)]
pub struct Plan {
    /// Opens the captures.
    pub open: Opener,
    /// They can be opened again: no standard input among them.
    pub again: bool,
    /// Size of the files, where that tells how much there is to read.
    pub size: Option<u64>,
    /// What to look for.
    pub target: Target,
    /// Bounds of what is held.
    pub limits: Limits,
    /// When something is slow.
    pub thresholds: Thresholds,
}

/// What the reading thread and the screens share.
#[derive(Default)]
pub(super) struct Shared {
    newest: Mutex<Option<Arc<Data>>>,
    status: Mutex<Status>,
    rivals: Mutex<Option<Rivals>>,
}

impl Shared {
    pub(super) fn status(&self) -> MutexGuard<'_, Status> {
        self.status
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn rivals(&self) -> MutexGuard<'_, Option<Rivals>> {
        self.rivals
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn newest(&self) -> MutexGuard<'_, Option<Arc<Data>>> {
        self.newest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What is sent to the thread.
pub(super) enum Message {
    Order(Order),
    Free(Arc<Data>),
    Rivals(u64),
}

/// Saved captures, read by a thread.
pub struct FileFeed {
    shared: Arc<Shared>,
    send: Sender<Message>,
    again: bool,
}

impl FileFeed {
    /// Opens the captures and begins to read.
    ///
    /// # Errors
    /// If they can't be opened.
    pub fn start(plan: Plan) -> Result<Self, String> {
        let shared = Arc::new(Shared::default());
        let (send, orders) = channel();
        let (opened, first) = channel();
        let again = plan.again;
        let theirs = Arc::clone(&shared);
        let work = move || {
            let source = match (plan.open)() {
                Ok(source) => source,
                Err(error) => return drop(opened.send(Err(error))),
            };
            drop(opened.send(Ok(())));
            Reader::new(plan, source, theirs, orders).run();
        };
        let thread = thread::Builder::new().name("reader".to_owned()).spawn(work);
        thread.map_err(|e| format!("no thread to read with: {e}"))?;
        first
            .recv()
            .unwrap_or_else(|_| Err("the reader ended".to_owned()))?;
        Ok(Self {
            shared,
            send,
            again,
        })
    }
}

impl Feed for FileFeed {
    fn newest(&mut self) -> Option<Arc<Data>> {
        self.shared.newest().take()
    }

    fn give_back(&mut self, data: Arc<Data>) {
        drop(self.send.send(Message::Free(data)));
    }

    fn status(&self) -> Status {
        self.shared.status().clone()
    }

    fn order(&mut self, order: Order) -> Result<(), String> {
        let restarts = order == Order::Rewind || self.shared.status().state == State::Done;
        if restarts && !self.again {
            return Err("standard input can't be read again: save it to a file first".to_owned());
        }
        let sent = self.send.send(Message::Order(order));
        sent.map_err(|_| "the reader has ended".to_owned())
    }

    fn ask_rivals(&mut self, key: u64) {
        drop(self.send.send(Message::Rivals(key)));
    }

    fn rivals(&mut self) -> Option<Rivals> {
        self.shared.rivals().take()
    }
}
