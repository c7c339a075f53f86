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
