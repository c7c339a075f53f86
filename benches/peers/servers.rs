//! Debian's own packages, each with a config of the bench's own that gives it the same work as Siaga, where it can do it.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::http;
use crate::lab::{Lab, sh, target};
use crate::process::Process;
use crate::upsd;

/// How many addresses everybody pings.
pub(crate) const TARGETS: u8 = 10;
/// How often everybody looks, where it can be said.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

const PATIENCE: Duration = Duration::from_secs(15);

/// A running peer.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

/// The addresses that everybody pings.
pub(crate) fn targets() -> Vec<String> {
    (0..TARGETS).map(|at| target(at).to_string()).collect()
}

/// Where the far end's web server listens.
pub(crate) fn far_web() -> SocketAddr {
    SocketAddr::new(target(0), 80)
}

/// A web server that answers 200 with two bytes, on loopback.
pub(crate) fn nginx(lab: &Lab) -> Result<Server, String> {
    nginx_at(lab, "nginx", Command::new("nginx"), local(8080), "")
}

/// Where the same web server speaks TLS, with a certificate of its own for its address.
pub(crate) fn far_tls(lab: &Lab) -> Result<PathBuf, String> {
    Ok(lab.folder(FAR_TLS)?.join("server.pem"))
}

/// Where the far end's name server listens, which knows [`FAR_NAME`] and asks nobody.
pub(crate) fn far_dns() -> SocketAddr {
    SocketAddr::new(target(1), 53)
}

/// The far end's name.
pub(crate) const FAR_NAME: &str = "far.example.net";

/// Where the far end's web server has its certificate.
const FAR_TLS: &str = "far-tls";

/// What is probed: the web server, with TLS too, and a name server.
pub(crate) struct Far {
    _web: Server,
    _dns: Process,
}

/// Starts the far end's servers.
pub(crate) fn far_end(lab: &Lab) -> Result<Far, String> {
    let web = far_nginx(lab)?;
    let mut command = lab.far_command("dnsmasq");
    command
        .args([
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--user=",
            "--group=",
            "--pid-file=",
        ])
        .args(["--no-resolv", "--no-hosts", "--bind-interfaces", "--local=/example.net/"])
        .arg(format!("--listen-address={}", far_dns().ip()))
        .arg(format!("--host-record={FAR_NAME},{}", far_web().ip()));
    let mut dns = Process::start("dnsmasq", &mut command, &lab.folder("dnsmasq")?, lab.clock)?;
    dns.wait_until("listening", PATIENCE, || TcpStream::connect_timeout(&far_dns(), PATIENCE).ok())?;
    Ok(Far { _web: web, _dns: dns })
}

/// The far end's web server, on the port of HTTP and on that of TLS.
pub(crate) fn far_nginx(lab: &Lab) -> Result<Server, String> {
    let folder = lab.folder(FAR_TLS)?;
    sh(&format!(
        "cd {} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN={FAR_NAME} \
         -addext subjectAltName=IP:{} -keyout server.key -out server.pem 2>&1",
        folder.display(),
        far_web().ip()
    ))?;
    let tls = format!(
        "server {{ listen {}:443 ssl; ssl_certificate {here}/server.pem; ssl_certificate_key {here}/server.key; }}",
        far_web().ip(),
        here = folder.display()
    );
    nginx_at(lab, "far-nginx", lab.far_command("nginx"), far_web(), &tls)
}

/// Where the far end gives and takes large files.
pub(crate) const FILES: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 12)), 81);

/// The folder of those files.
pub(crate) const FILES_FOLDER: &str = "far-files-root";

/// A web server with files of several sizes at the far end, which reads what is posted to `/up` before it answers.
pub(crate) fn far_files(lab: &Lab) -> Result<Server, String> {
    let root = lab.folder(FILES_FOLDER)?;
    for (name, bytes) in [("empty", 0), ("20MB", 20_000_000), ("500MB", 500_000_000), ("2GB", 2_000_000_000)] {
        let file = fs::File::create(root.join(name)).and_then(|file| file.set_len(bytes));
        file.map_err(|error| format!("{name}: {error}"))?;
    }
    let address = SocketAddr::new(FILES.ip(), 80);
    let more = format!(
        "server {{ listen {FILES}; root {}; sendfile on; client_max_body_size 0; client_body_buffer_size 32m;\n\
         location /missing {{ return 404; }}\n\
         location /up {{ proxy_pass http://{address}/; proxy_method GET; proxy_pass_request_body off;\n\
         proxy_set_header Content-Length \"\"; }} }}",
        root.display()
    );
    nginx_at(lab, "far-files", lab.far_command("nginx"), address, &more)
}

fn nginx_at(
    lab: &Lab,
    name: &'static str,
    mut command: Command,
    address: SocketAddr,
    more: &str,
) -> Result<Server, String> {
    let folder = lab.folder(name)?;
    let here = folder.display();
    let config = format!(
        "daemon off; worker_processes 1; pid {here}/pid; error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; keepalive_requests 10000000; keepalive_timeout 600s;\n\
         client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;\n\
         uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;\n\
         server {{ listen {address}; location / {{ return 200 \"ok\"; }} }} {more} }}\n"
    );
    write(&folder.join("nginx.conf"), &config)?;
    command.arg("-p").arg(&folder).arg("-c").arg(folder.join("nginx.conf")).args(["-g", "user root;"]);
    serve(lab, name, &mut command, address, "/")
}

/// collectd with every plugin that has a counterpart here.
pub(crate) fn collectd(lab: &Lab) -> Result<Server, String> {
    let folder = lab.folder("collectd")?;
    let here = folder.display();
    let mut config = format!(
        "Hostname \"room\"\nFQDNLookup false\nBaseDir \"{here}\"\nPIDFile \"{here}/pid\"\nInterval {}\n",
        INTERVAL.as_secs()
    );
    for plugin in
        ["logfile", "cpu", "memory", "df", "load", "interface", "thermal", "ping", "nut", "curl", "write_prometheus"]
    {
        let _ = writeln!(config, "LoadPlugin {plugin}");
    }
    let _ = writeln!(config, "<Plugin logfile>\nLogLevel warning\nFile STDOUT\n</Plugin>");
    let _ = writeln!(config, "<Plugin df>\nMountPoint \"/\"\n</Plugin>");
    let _ = writeln!(config, "<Plugin ping>\nInterval {}", INTERVAL.as_secs());
    for target in targets() {
        let _ = writeln!(config, "Host \"{target}\"");
    }
    let _ = writeln!(config, "</Plugin>\n<Plugin nut>\nUPS \"lab@{}\"\n</Plugin>", upsd::ADDRESS);
    let _ = writeln!(
        config,
        "<Plugin curl>\n<Page \"far\">\nURL \"http://{}/\"\nMeasureResponseTime true\n</Page>\n</Plugin>",
        far_web()
    );
    let _ = writeln!(config, "<Plugin write_prometheus>\nPort \"9103\"\n</Plugin>");
    let file = folder.join("collectd.conf");
    write(&file, &config)?;
    serve(lab, "collectd", Command::new("collectd").arg("-f").arg("-C").arg(&file), local(9103), "/metrics")
}

pub(crate) fn smokeping_prober(lab: &Lab) -> Result<Server, String> {
    let address = local(9374);
    let mut command = Command::new("prometheus-smokeping-prober");
    command
        .arg(format!("--web.listen-address={address}"))
        // Debian's flag points at a file that need not be there.
        .arg("--config.file=")
        .arg(format!("--ping.interval={}s", INTERVAL.as_secs()))
        .args(targets());
    serve(lab, "smokeping_prober", &mut command, address, "/metrics")
}

pub(crate) fn blackbox_exporter(lab: &Lab) -> Result<Server, String> {
    let address = local(9115);
    let mut command = blackbox_command(lab, address)?;
    serve(lab, "blackbox_exporter", &mut command, address, "/-/healthy")
}

/// Its start alone, for whoever wants to time it.
pub(crate) fn blackbox_command(lab: &Lab, address: SocketAddr) -> Result<Command, String> {
    let file = lab.folder("blackbox")?.join("blackbox.yml");
    write(
        &file,
        "modules:\n  icmp: { prober: icmp, timeout: 2s, icmp: { preferred_ip_protocol: ip4 } }\n  http: { prober: http, \
         timeout: 2s, http: { preferred_ip_protocol: ip4 } }\n  tcp: { prober: tcp, timeout: 2s }\n",
    )?;
    let mut command = Command::new("prometheus-blackbox-exporter");
    command.arg(format!("--config.file={}", file.display())).arg(format!("--web.listen-address={address}"));
    Ok(command)
}

pub(crate) fn node_exporter(lab: &Lab) -> Result<Server, String> {
    let address = local(9100);
    let mut command = Command::new("prometheus-node-exporter");
    command.arg(format!("--web.listen-address={address}"));
    serve(lab, "node_exporter", &mut command, address, "/metrics")
}

/// Prometheus, scraping the two exporters above at the common interval.
pub(crate) fn prometheus(lab: &Lab) -> Result<Server, String> {
    let folder = lab.folder("prometheus")?;
    let mut config = format!("global: {{ scrape_interval: {}s }}\nscrape_configs:\n", INTERVAL.as_secs());
    let _ = writeln!(config, "- job_name: node\n  static_configs: [{{ targets: ['127.0.0.1:9100'] }}]");
    for (module, asked) in [("icmp", targets()), ("http", vec![format!("http://{}/", far_web())])] {
        let _ = writeln!(
            config,
            "- job_name: {module}\n  metrics_path: /probe\n  params: {{ module: [{module}] }}\n  static_configs: [{{ targets: \
             ['{}'] }}]\n  relabel_configs:\n  - {{ source_labels: [__address__], target_label: __param_target }}\n  - {{ \
             target_label: __address__, replacement: '127.0.0.1:9115' }}",
            asked.join("', '")
        );
    }
    let file = folder.join("prometheus.yml");
    write(&file, &config)?;
    let address = local(9090);
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"));
    serve(lab, "prometheus", &mut command, address, "/-/ready")
}

/// Starts it and waits until `path` answers 200.
pub(crate) fn serve(
    lab: &Lab,
    name: &str,
    command: &mut Command,
    address: SocketAddr,
    path: &str,
) -> Result<Server, String> {
    let folder = lab.folder(name)?;
    let mut process = Process::start(name, command, &folder, lab.clock)?;
    process.wait_until("answering", PATIENCE, || (http::ask(address, path)?.status == 200).then_some(()))?;
    Ok(Server { process, address })
}

/// A port on loopback; the network is the run's own, so that all are free.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) fn write(file: &std::path::Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}
