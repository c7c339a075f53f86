//! A far end that takes what it is sent: this very test binary, run in the guest as a web server. It writes down each request
//! and answers 204.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::guest::Lab;
use crate::waiting::until;

/// Set in the guest: where it listens.
const LISTEN: &str = "SIAGA_LAB_FAR";

/// The test that becomes the server where [`LISTEN`] is set.
const TEST: &str = "far::it_writes_down_what_it_is_sent";

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// What was sent, byte by byte.
    pub(crate) body: String,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

/// The server in a guest, beyond `line0`.
pub(crate) struct Far<'lab>(&'lab Lab);

impl Lab {
    /// Starts it at 198.51.100.2:80.
    pub(crate) fn far(&self) -> Far<'_> {
        let program = Self::path_of(&std::env::current_exe().unwrap());
        let command = format!("{LISTEN}=198.51.100.2:80 exec {program} --exact {TEST} --nocapture");
        self.spawn("far", &format!("ip netns exec wan dash -c '{command}'"));
        let far = Far(self);
        until("the far end listens", || self.log("far").contains("listening").then_some(()), || self.log("far"));
        far
    }
}

impl Far<'_> {
    /// All that came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let log = self.0.log("far");
        let whole = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        whole
            .filter_map(|said| {
                let headers = said.get("headers")?.as_array()?.iter();
                let headers = headers.map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
                Some(Request { line: text(&said["line"]), headers, body: text(&said["body"]) })
            })
            .collect()
    }
}

/// Takes request after request, one connection each.
fn serve(listener: &TcpListener, out: &mut impl Write) -> io::Result<()> {
    for stream in listener.incoming() {
        // Whoever hangs up in the middle has sent nothing.
        if let Ok(said) = take(stream?) {
            writeln!(out, "{said}")?;
            out.flush()?;
        }
    }
    Ok(())
}

/// Reads one request (RFC 9112, §2.1), answers it and closes.
fn take(stream: TcpStream) -> io::Result<Value> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().map_err(io::Error::other)?;
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    let line = line.trim_end().rsplit_once(' ').map_or("", |(line, _)| line);
    Ok(json!({ "line": line, "headers": headers, "body": String::from_utf8_lossy(&body) }))
}

/// On this machine a test of the server; in the guest the server itself.
#[test]
fn it_writes_down_what_it_is_sent() {
    if let Ok(address) = std::env::var(LISTEN) {
        let listener = TcpListener::bind(address).unwrap();
        let mut out = io::stdout();
        writeln!(out, "listening").unwrap();
        serve(&listener, &mut out).unwrap();
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sender = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"POST /desk HTTP/1.1\r\nX-Siaga-Signature: sha256=1\r\nContent-Length: 5\r\n\r\nhello")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let said = take(listener.accept().unwrap().0).unwrap();
    assert!(sender.join().unwrap().starts_with("HTTP/1.1 204 "));
    let headers = json!([["x-siaga-signature", "sha256=1"], ["content-length", "5"]]);
    assert_eq!(said, json!({ "line": "POST /desk", "headers": headers, "body": "hello" }));
}
