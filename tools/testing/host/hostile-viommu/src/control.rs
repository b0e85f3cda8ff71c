// SPDX-License-Identifier: GPL-2.0

//! The socket by which the test says how the device is to behave.
//!
//! Each connection carries one command in one line, and one line in answer that begins with `ok`
//! or `error`:
//!
//! - `case NAME`: behave so from now on; events are sent before the answer
//! - `statistics`: what was counted since
//! - `places`: which domain each endpoint is in

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{backend::Backend, case::Case, event::EventLie};

/// How long the driver may keep the buffers for events.
const EVENTS_TAKE: Duration = Duration::from_secs(20);

/// How often it is looked whether the driver has returned some.
const PAUSE: Duration = Duration::from_millis(2);

/// No command is longer than this.
const MAX_COMMAND: u64 = 1024;

/// Answers commands for ever.
pub(crate) fn serve(listener: &UnixListener, backend: &Arc<Mutex<Backend>>) {
    for connection in listener.incoming() {
        let served = connection.and_then(|connection| converse(&connection, backend));
        if let Err(error) = served {
            eprintln!("control: {error}");
        }
    }
}

fn converse(connection: &UnixStream, backend: &Mutex<Backend>) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(connection.take(MAX_COMMAND)).read_line(&mut line)?;
    let answer = match perform(line.trim(), backend) {
        Ok(text) => format!("ok {text}"),
        Err(error) => format!("error {error}"),
    };
    let mut connection = connection;
    writeln!(connection, "{}", answer.trim_end())
}

fn perform(command: &str, backend: &Mutex<Backend>) -> io::Result<String> {
    match command.split_once(' ') {
        None if command == "statistics" => Ok(with(backend, |b| b.statistics())),
        None if command == "places" => Ok(with(backend, |b| b.places())),
        Some(("case", name)) => {
            let case = Case::parse(name)
                .ok_or_else(|| io::Error::other(format!("there is no case {name}")))?;
            with(backend, |backend| backend.behave(case));
            match case {
                Case::Events(lie) => send_events(lie, backend),
                _ => Ok(String::new()),
            }
        }
        _ => Err(io::Error::other(format!("what is {command}?"))),
    }
}

/// Sends all the events of a case, as fast as the driver returns buffers.
fn send_events(lie: EventLie, backend: &Mutex<Backend>) -> io::Result<String> {
    let end = Instant::now() + EVENTS_TAKE;
    let mut sent = 0;
    while sent < lie.count() && Instant::now() < end {
        let more = with(backend, |backend| backend.send_events(lie, sent))?;
        sent += more;
        if more == 0 {
            thread::sleep(PAUSE);
        }
    }
    Ok(format!("sent {sent}"))
}

fn with<R>(backend: &Mutex<Backend>, act: impl FnOnce(&mut Backend) -> R) -> R {
    act(&mut backend.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};

    fn ask(command: &str) -> String {
        let backend = Mutex::new(Backend::new(GuestMemoryAtomic::new(GuestMemoryMmap::new())));
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        (&ours).write_all(command.as_bytes()).expect("to write");
        converse(&theirs, &backend).expect("an answer");
        drop(theirs);
        let mut answer = String::new();
        (&ours).read_to_string(&mut answer).expect("to read");
        answer
    }

    #[test]
    fn commands_are_answered_in_one_line() {
        assert_eq!(ask("case map/silent\n"), "ok\n");
        assert!(ask("statistics\n").starts_with("ok attach=0 "));
        assert_eq!(ask("places\n"), "ok\n");
        assert!(ask("case event/flood\n").contains("no driver"));
        assert!(ask("case map/lost\n").starts_with("error "));
        assert!(ask("nonsense\n").starts_with("error "));
        assert!(ask("\n").starts_with("error "));
    }
}
