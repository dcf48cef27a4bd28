//! What a controller says, line by line.

use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
    sync::Arc,
    thread::JoinHandle,
};

use parking_lot::{Condvar, Mutex};
use serde_json::Value;

/// What a controller has said.
pub(crate) struct Log {
    said: Arc<(Mutex<Said>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Said {
    lines: Vec<Value>,
    /// There is no more to come.
    ended: bool,
}

impl Log {
    pub(crate) fn of(stderr: ChildStderr) -> Self {
        let said: Arc<(Mutex<Said>, Condvar)> = Arc::default();
        let told = Arc::clone(&said);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let line = line.unwrap();
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                told.0.lock().lines.push(line);
                told.1.notify_all();
            }
            told.0.lock().ended = true;
            told.1.notify_all();
        });
        Self { said, reader: Some(reader) }
    }

    /// Waits until it says `message` for the time of this number, from 1; the line.
    pub(crate) fn until(&self, message: &str, time: usize) -> Value {
        let mut said = self.said.0.lock();
        loop {
            let mut times = said.lines.iter().filter(|line| line["message"] == message);
            if let Some(found) = times.nth(time - 1) {
                return found.clone();
            }
            assert!(!said.ended, "it ended without saying {message:?}: {:?}", said.lines);
            self.said.1.wait(&mut said);
        }
    }

    /// All that it said, once it has ended.
    pub(crate) fn ended(&mut self) -> Vec<Value> {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        std::mem::take(&mut self.said.0.lock().lines)
    }
}
