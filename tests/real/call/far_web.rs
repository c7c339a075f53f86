//! A web server at the far end of the line, for the bandwidth test: as many bytes down as are asked for, and all up.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::line::Line;

/// Serves until the process ends.
pub(super) fn serve(port: u16) {
    let listener = Line::listen(port);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // It ends when its reader goes.
            std::thread::spawn(move || while answer(&stream).is_ok_and(|again| again) {});
        }
    });
}

/// Answers one request; whether another may come.
fn answer(mut stream: &TcpStream) -> io::Result<bool> {
    let (mut reader, mut head, mut length) = (BufReader::new(stream), String::new(), 0);
    while reader.read_line(&mut head)? > 2 {
        let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
        length = last.strip_prefix("content-length:").and_then(|value| value.trim().parse().ok()).unwrap_or(length);
    }
    if head.starts_with("POST") {
        io::copy(&mut reader.take(length), &mut io::sink())?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(true);
    }
    let Some(wanted) = head.split_once("bytes=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok()) else {
        return Ok(false);
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {wanted}\r\n\r\n")?;
    io::copy(&mut io::repeat(7).take(wanted), &mut stream)?;
    Ok(true)
}
