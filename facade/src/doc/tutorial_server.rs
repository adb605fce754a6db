// The hidden beginning of the tutorial's programs: `fetch`, and a server on loopback whose
// addresses `urls` gives, so that they run as they stand and need no network.

fn fetch(url: &str) -> Result<String, ureq::Error> {
    ureq::get(url).call()?.body_mut().read_to_string()
}

fn urls() -> Vec<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    ["one", "two", "missing", "three"].map(|name| format!("http://{at}/{name}")).into()
}

fn answer(mut stream: std::net::TcpStream) -> std::io::Result<()> {
    use std::io::{BufRead, Write};
    let mut lines = std::io::BufReader::new(&stream).lines();
    let request = lines.next().unwrap()?;
    while !lines.next().unwrap()?.is_empty() {}
    std::thread::sleep(std::time::Duration::from_millis(10));
    let (status, body) = match request.contains("/missing ") {
        true => ("404 Not Found", ""),
        false => ("200 OK", "a document\n"),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
