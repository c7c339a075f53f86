//! A headless Chromium, driven over a pipe (the `DevTools` protocol): no port, nobody else can reach it. Debian package: `chromium`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::child::{PATIENCE, comes_within, wait_until};

/// Those of no use to a page of our own, and those by which a call needs no person, no server and no camera.
const FLAGS: &[&str] = &[
    "--headless",
    // Its pages are our own; its sandbox wants what a namespace of a test does not always give.
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--remote-debugging-pipe",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    // Host candidates by their addresses: nobody answers to multicast names here.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
];

/// What it says of a question to a page that went meanwhile.
const GONE: &str = "Inspected target navigated or closed";

/// A running browser with one page. Dropping it ends it.
pub(crate) struct Browser {
    process: Child,
    folder: TempDir,
    input: ChildStdin,
    answers: Receiver<Value>,
    count: u64,
    session: String,
}

impl Browser {
    /// Starts it by a command that ends in `sh`, in a folder that its user may write, on a page.
    pub(crate) fn start(mut shell: Command, folder: TempDir, flags: &[&str], page: &str) -> Self {
        let (home, file) = (folder.path(), folder.path().join("page.html"));
        fs::write(&file, page).unwrap();
        // The protocol's two ends are descriptors 3 and 4.
        shell.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >&2", "chromium"]);
        shell.args(FLAGS).args(flags).arg(format!("--user-data-dir={}", home.join("profile").display()));
        shell.arg(format!("file://{}", file.display())).env("HOME", home).env("TMPDIR", home);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(fs::File::create(home.join("browser.log")).unwrap());
        let mut process = shell.spawn().unwrap_or_else(|error| panic!("{shell:?}: {error}"));
        let (input, mut output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        // As many as nobody leaves unread: each question's answer is waited for, and no events are asked for.
        let (heard, answers) = sync_channel(64);
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                let Ok(told) = serde_json::from_slice(message.strip_suffix(b"\0").unwrap_or(&message)) else { return };
                if heard.send(told).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let mut browser = Self { process, folder, input, answers, count: 0, session: String::new() };
        browser.attach();
        browser
    }

    /// What an expression of the page comes to, once its promise is kept.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let what = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let told = self.ask("Runtime.evaluate", &what);
        assert!(told.get("exceptionDetails").is_none(), "{expression}: {told:#}");
        told["result"]["value"].clone()
    }

    /// The same of a page that may go while it is looked at: nothing then.
    pub(crate) fn look(&mut self, expression: &str) -> Value {
        let told = self.asked("Runtime.evaluate", &json!({ "expression": expression, "returnByValue": true }));
        if told["error"]["message"] == GONE {
            return Value::Null;
        }
        assert!(
            told.get("error").is_none() && told["result"].get("exceptionDetails").is_none(),
            "{expression}: {told:#}"
        );
        told["result"]["result"]["value"].clone()
    }

    /// Waits until that is true of its page; panics with what the page says instead.
    pub(crate) fn wait_for(&mut self, truth: &str) {
        if !comes_within(PATIENCE, || self.look(truth) == true) {
            let page = self.look("location.href + '\\n' + document.body?.innerText");
            panic!("this did not come true within {PATIENCE:?}: {truth}\n{}", page.as_str().unwrap_or_default());
        }
    }

    /// The cookies that go to its page's server.
    pub(crate) fn cookies(&mut self) -> Value {
        self.ask("Network.getCookies", &json!({}))["cookies"].clone()
    }

    /// Shows its pages as wide as a narrow phone does.
    pub(crate) fn as_phone(&mut self) {
        let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
        self.ask("Emulation.setDeviceMetricsOverride", &phone);
    }

    /// Shows its pages as a screen of so many CSS pixels does.
    pub(crate) fn as_screen(&mut self, width: u32, height: u32) {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &screen);
    }

    /// Shows its pages as wide as a screen on a wall does.
    pub(crate) fn as_wall(&mut self) {
        let wall = json!({ "width": 1920, "height": 1080, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &wall);
    }

    /// Shows its pages to somebody who wants them dark, or light.
    pub(crate) fn in_scheme(&mut self, scheme: &str) {
        let wanted = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", &wanted);
    }

    /// Presses a key, as a keyboard does.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let what = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.ask("Input.dispatchKeyEvent", &what);
        }
    }

    /// What its page looks like, in base 64 of a PNG.
    pub(crate) fn picture(&mut self) -> String {
        let shot = self.ask("Page.captureScreenshot", &json!({ "format": "png" }));
        shot["data"].as_str().unwrap().to_owned()
    }

    /// The same of a part of it: left, top, width and height, CSS pixels; each of those is `scale` wide in the picture.
    pub(crate) fn picture_of(&mut self, [x, y, width, height]: [f64; 4], scale: f64) -> String {
        let clip = json!({ "x": x, "y": y, "width": width, "height": height, "scale": scale });
        let what = json!({ "format": "png", "clip": clip, "captureBeyondViewport": true });
        self.ask("Page.captureScreenshot", &what)["data"].as_str().unwrap().to_owned()
    }

    /// Takes hold of the page, when it is there and has run.
    fn attach(&mut self) {
        let mut target = String::new();
        wait_until(|| {
            let targets = self.ask("Target.getTargets", &json!({}));
            let mut pages = targets["targetInfos"].as_array().unwrap().iter();
            let page = pages.find(|target| target["url"].as_str().unwrap().starts_with("file:"));
            target = page.map_or(String::new(), |page| page["targetId"].as_str().unwrap().to_owned());
            !target.is_empty()
        });
        let attached = self.ask("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        attached["sessionId"].as_str().unwrap().clone_into(&mut self.session);
        // Before the page there is an empty one, and that is complete at once; what is done on it is lost when the page comes.
        wait_until(|| self.evaluate("location.protocol + document.readyState") == "file:complete");
    }

    fn ask(&mut self, method: &str, what: &Value) -> Value {
        let told = self.asked(method, what);
        assert!(told.get("error").is_none(), "{method}: {told}");
        told["result"].clone()
    }

    /// The whole answer, an error too.
    fn asked(&mut self, method: &str, what: &Value) -> Value {
        self.count += 1;
        let mut question = json!({ "id": self.count, "method": method, "params": what });
        if !self.session.is_empty() {
            question["sessionId"] = json!(self.session);
        }
        let mut bytes = serde_json::to_vec(&question).unwrap();
        bytes.push(0);
        let said = self.input.write_all(&bytes);
        loop {
            let Ok(told) = self.answers.recv_timeout(PATIENCE) else {
                panic!("{method}: Chromium says nothing ({said:?}); is Debian's package chromium there? {}", self.log())
            };
            if told["id"] == self.count {
                return told;
            }
        }
    }

    fn log(&self) -> String {
        let log: PathBuf = self.folder.path().join("browser.log");
        fs::read_to_string(log).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its children hang on it, and go with it.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
