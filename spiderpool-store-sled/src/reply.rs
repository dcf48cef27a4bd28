//! The answer to one request, from a thread to a future.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

#[derive(Debug)]
struct Slot<T> {
    answer: Option<T>,
    waiting: Option<Waker>,
    gone: bool,
}

/// The end that answers.
#[derive(Debug)]
pub(crate) struct Sender<T>(Option<Arc<Mutex<Slot<T>>>>);

/// The end that waits; none, if the sender goes without an answer.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Mutex<Slot<T>>>);

pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Mutex::new(Slot { answer: None, waiting: None, gone: false }));
    (Sender(Some(slot.clone())), Receiver(slot))
}

impl<T> Sender<T> {
    pub(crate) fn send(mut self, answer: T) {
        if let Some(slot) = self.0.take() {
            finish(&slot, Some(answer));
        }
    }
}

fn finish<T>(slot: &Mutex<Slot<T>>, answer: Option<T>) {
    let waiting = {
        let mut slot = slot.lock();
        slot.gone = true;
        slot.answer = answer;
        slot.waiting.take()
    };
    if let Some(waker) = waiting {
        waker.wake();
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            finish(&slot, None);
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.lock();
        if slot.gone {
            return Poll::Ready(slot.answer.take());
        }
        slot.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;

    #[test]
    fn an_answer_arrives_and_a_sender_that_goes_is_noticed() {
        let (sender, receiver) = channel();
        let thread = std::thread::spawn(move || block_on(receiver));
        sender.send(7);
        assert_eq!(thread.join().unwrap(), Some(7));
        let (sender, receiver) = channel::<u8>();
        drop(sender);
        assert_eq!(block_on(receiver), None);
    }
}
