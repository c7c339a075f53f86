//! Where a config stands, and what is beside it.

use std::os::fd::AsRawFd as _;
use std::path::Path;

use super::*;
use crate::named_file::tests::told_of_a_pipe;

fn load(file: &Path) -> Result<Config, String> {
    Config::load(&Origin::File(file.to_owned()), Files::Tried).map_err(|error| crate::domain::in_full(&error))
}

#[test]
fn a_config_that_is_a_pipe_is_read_where_somebody_writes_to_it_and_waited_for_nowhere() {
    let told = told_of_a_pipe(|pipe| load(pipe).unwrap_err()).unwrap();
    assert!(told.starts_with("cannot read ") && told.ends_with("it is no file"), "{told}");
    let told = told_of_a_pipe(|pipe| {
        let text = "[profiles]\nfile = \"pipe\"\n";
        let file = pipe.with_file_name("siaga.toml");
        std::fs::write(&file, text).unwrap();
        load(&file).unwrap_err()
    });
    let told = told.unwrap();
    assert!(told.contains("siaga.toml:2:8: cannot read ") && told.contains("pipe: it is no file"), "{told}");
    // A shell's <(…), and a standard input.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let named = format!("/proc/self/fd/{}", reader.as_raw_fd());
    std::io::Write::write_all(&mut writer, b"[room]\nname = \"aula\"\n").unwrap();
    drop(writer);
    assert_eq!(load(Path::new(&named)).unwrap().room.name.0.as_ref(), "aula");
}

#[test]
fn what_may_come_later_is_doubted_with_its_line_and_keeps_nothing_from_running() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("kantor.ics"), "BEGIN:VCALENDAR\n").unwrap();
    std::fs::write(at("plain"), "").unwrap();
    let told = |text: &str, files| {
        let source = Source::new(at("siaga.toml").display().to_string(), text);
        let config = Config::read(&source, files).unwrap_or_else(|errors| panic!("{errors}"));
        config.doubts.iter().map(|doubt| doubt.render(false)).collect::<Vec<_>>()
    };
    let calendar = |file: &str| format!("[[calendar]]\nname = \"kantor\"\nfile = \"{file}\"\n");
    let receiver = |way: &str| format!("[[receiver]]\nname = \"desk\"\n{way}\n");
    let program = |path: &str| receiver(&format!("kind = \"command\"\ncommand = [\"{path}\"]"));
    let plain = at("plain").display().to_string();
    for (text, place, why) in [
        (calendar("kantorr.ics"), "3:8", "kantorr.ics: No such file"),
        (calendar("/tmp"), "3:8", "/tmp: it is no file"),
        (program("/opt/kirim.sh"), "4:11", "/opt/kirim.sh: No such file"),
        (program("/tmp"), "4:11", "/tmp: it is no file"),
        (program(&plain), "4:11", "plain: nobody may execute it"),
        ("[web]\ntokens = \"/tmp\"\n".to_owned(), "2:10", "/tmp: it is no file"),
        (receiver("kind = \"sms\"\nto = [\"+628123456789\"]\noutbox = \"/nowhere\""), "5:10", "/nowhere: No such file"),
    ] {
        let found = told(&text, Files::Tried);
        let [doubt] = &*found else { panic!("{text}: {found:?}") };
        assert!(doubt.contains(&format!("siaga.toml:{place}: ")) && doubt.contains(why), "{doubt}");
        // At a start a disk that does not answer would hold it up, and who only asks the daemon may not see them.
        for files in [Files::Needed, Files::NotAsked] {
            assert!(told(&text, files).is_empty(), "{text}");
        }
    }
    assert!(told(&(calendar("kantor.ics") + &program("/bin/true")), Files::Tried).is_empty());
    // No file of tokens: there are none, until somebody makes one.
    for tokens in ["plain", "none.toml"] {
        assert!(told(&format!("[web]\ntokens = \"{tokens}\"\n"), Files::Tried).is_empty());
    }
}
