//! A small HTTP server on loopback, so that the example needs no network.
//!
//! It serves a folder of documents, each after a delay of its own, and three addresses that fail:
//! one that does not exist, one whose connection is reset, and a host that never answers.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A client that sends nothing for so long is dropped.
const IMPATIENCE: Duration = Duration::from_secs(5);

type Documents = BTreeMap<String, Vec<u8>>;

/// The running server. Dropping it ends it and joins its threads.
pub(crate) struct Server {
    address: SocketAddr,
    names: Vec<String>,
    closing: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
    /// Connections to it are taken by the system and never answered.
    silent: TcpListener,
}

impl Server {
    /// Reads every file in `folder` and serves them.
    pub(crate) fn start(folder: &Path) -> io::Result<Server> {
        let mut documents = Documents::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            documents.insert(name, std::fs::read(entry.path())?);
        }
        let names = documents.keys().cloned().collect();
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let silent = TcpListener::bind(("127.0.0.1", 0))?;
        let closing = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&closing);
        let acceptor = thread::Builder::new()
            .name("http-accept".into())
            .spawn(move || accept(&listener, &Arc::new(documents), &closed))?;
        Ok(Server {
            address,
            names,
            closing,
            acceptor: Some(acceptor),
            silent,
        })
    }

    /// The addresses of all documents, then the three that fail.
    pub(crate) fn urls(&self) -> io::Result<Vec<String>> {
        let (at, silent) = (self.address, self.silent.local_addr()?);
        let mut urls: Vec<_> = self
            .names
            .iter()
            .map(|name| format!("http://{at}/{name}"))
            .collect();
        // In the middle of the list, so that the failures are seen to stop nobody.
        urls.insert(urls.len() / 2, format!("http://{at}/missing.txt"));
        urls.insert(urls.len() / 3, format!("http://{at}/reset"));
        urls.insert(1, format!("http://{silent}/silent.txt"));
        Ok(urls)
    }
}

impl Drop for Server {
    /// Stops listening, and waits for the connections that are being served.
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        // The acceptor sleeps in accept(); a connection of our own wakes it.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().expect("the acceptor does not panic");
        }
    }
}

/// Takes connections until told to stop; each gets a thread, and all of them are joined.
fn accept(listener: &TcpListener, documents: &Arc<Documents>, closing: &AtomicBool) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming() {
        if closing.load(Ordering::Acquire) {
            break;
        }
        let Ok(stream) = stream else { continue };
        connections.retain(|thread| !thread.is_finished());
        let documents = Arc::clone(documents);
        connections.push(thread::spawn(move || {
            // An error here means that the client went away, which is its right.
            let _ = serve(stream, &documents);
        }));
    }
    for thread in connections {
        thread.join().expect("a connection does not panic");
    }
}

/// One request, one answer.
fn serve(mut stream: TcpStream, documents: &Documents) -> io::Result<()> {
    stream.set_read_timeout(Some(IMPATIENCE))?;
    let path = read_request(&stream)?;
    let name = path.trim_start_matches('/');
    thread::sleep(delay(name));
    if name == "reset" {
        // Closing with a linger time of zero sends RST in place of the ordinary end.
        return socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    let (status, body) = match documents.get(name) {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", b"no such document\n".as_slice()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

/// The path that is asked for; the headers are read and ignored.
fn read_request(stream: &TcpStream) -> io::Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    Ok(request.split(' ').nth(1).unwrap_or("/").to_owned())
}

/// Between 60 and 140 ms, the same for a name every time.
fn delay(name: &str) -> Duration {
    let sum: u64 = name.bytes().map(u64::from).sum();
    Duration::from_millis(60 + sum * 37 % 80)
}
