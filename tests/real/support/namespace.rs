//! A network of a test's own: the test runs itself again inside a new network namespace.
//!
//! Debian packages: `iproute2`, `util-linux`. Needs root, or user namespaces that are open to everybody.

use std::process::Command;

const MARK: &str = "SIAGA_TEST_NAMESPACE";

/// Whether this is the inside. Outside: runs the test called `test` (its path in this binary) again inside, with a
/// loopback that is up and a `/sys` that shows the namespace's own interfaces, and fails if that fails.
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var(MARK).is_ok_and(|mark| mark == test) {
        return true;
    }
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--", "sh", "-ec"]);
    command.arg("mount -t sysfs sysfs /sys; ip link set lo up; exec \"$0\" \"$@\"");
    command.arg(std::env::current_exe().unwrap()).args([
        "--exact",
        test,
        "--nocapture",
        "--test-threads=1",
        "--include-ignored",
    ]);
    let output = command.env(MARK, test).output().expect("unshare cannot be started: install Debian's util-linux");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "inside a network namespace (root, or open user namespaces, is needed):\n{told}");
    assert!(told.contains("1 passed"), "no test is called {test}:\n{told}");
    false
}

/// Runs lines of ip(8), in one process.
pub(crate) fn ip(lines: &[&str]) {
    use std::io::Write as _;
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("ip cannot be started: install Debian's package iproute2");
    let mut input = child.stdin.take().unwrap();
    for line in lines {
        writeln!(input, "{line}").unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success(), "ip could not do all of {lines:?}");
}
