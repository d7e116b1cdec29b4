# Sourced by ./run, ./test and .ci/run: finds Python 3.10, makes .venv, installs what requirements.lock pins.
# Every failure ends with one sentence that says what to do.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export RASA_TELEMETRY_ENABLED=false TF_CPP_MIN_LOG_LEVEL=3 PYTHONWARNINGS=ignore
VENV=.venv
NEEDED_MB=4000

stop() { echo "$*" >&2; exit 1; }

is_python310() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in "${SMERTE_PYTHON:-}" python3.10 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python python3 python; do
    if [ -n "$candidate" ] && is_python310 "$candidate"; then echo "$candidate"; return; fi
  done
  if command -v uv >/dev/null 2>&1; then
    candidate=$(uv python find 3.10 2>/dev/null) || { uv python install 3.10 >&2 && candidate=$(uv python find 3.10); }
    if [ -n "$candidate" ] && is_python310 "$candidate"; then echo "$candidate"; fi
  fi
}

# The lock file and the project's own metadata: what an installation must match.
wanted_stamp() { cat requirements.lock pyproject.toml | cksum; echo "$PWD"; }

enough_disk() {
  local free; free=$(df -Pm . | awk 'NR == 2 {print $4}')
  [ "$free" -ge "$NEEDED_MB" ] || stop "The set-up needs $NEEDED_MB MB of free disk, and $free MB are free here: make room and start again."
}

install_packages() {
  local python log=$VENV/setup.log
  python=$(find_python)
  [ -n "$python" ] || stop "No Python 3.10 was found: install it (for example with 'pyenv install 3.10' or 'uv python install 3.10') or name it in SMERTE_PYTHON, and start again."
  enough_disk
  echo "[1/3] Making .venv with $("$python" --version) ..."
  "$python" -m venv --clear "$VENV" || stop "The folder .venv could not be made: is this folder writable?"
  echo "[2/3] Installing 190 packages by hash (about 2 minutes the first time) ..."
  with_dots "$log" "$VENV/bin/python" -m pip install --disable-pip-version-check --require-hashes -r requirements.lock ||
    stop "The packages could not be installed (no network, or no room?): the last lines of $log say why; start again when it is mended."
  with_dots "$log" "$VENV/bin/python" -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    stop "The project could not be installed into .venv: the last lines of $log say why."
  # Rasa's own command line would report usage to its makers; nothing leaves the hospital.
  echo 'import os; os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")' > "$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/no_telemetry.pth"
  install_danish "$log"
  wanted_stamp > "$VENV/stamp"
}

# The official Danish pipeline of spaCy: a file that is named, or 20 seconds for the download; else our own takes over.
install_danish() {
  local log=$1 name=da_core_news_sm-3.4.0-py3-none-any.whl
  local wheel=${SMERTE_SPACY_WHEEL:-https://github.com/explosion/spacy-models/releases/download/da_core_news_sm-3.4.0/$name}
  echo "[3/3] Danish for spaCy ..."
  if [ -n "${SMERTE_SPACY_WHEEL:-}" ] && [ ! -f "$SMERTE_SPACY_WHEEL" ]; then
    stop "SMERTE_SPACY_WHEEL names a file that does not exist: $SMERTE_SPACY_WHEEL"
  fi
  if timeout 20 "$VENV/bin/python" -m pip install --disable-pip-version-check --no-deps --retries 0 --timeout 8 "$wheel" >>"$log" 2>&1; then
    echo "      da_core_news_sm is installed."
  elif [ -n "${SMERTE_SPACY_WHEEL:-}" ]; then
    stop "The wheel of SMERTE_SPACY_WHEEL could not be installed: the last lines of $log say why."
  else
    echo "      da_core_news_sm could not be fetched; the built-in Danish pipeline is used (it needs no download)."
  fi
}

# Runs a command with its output in a log and a dot every two seconds on the screen.
with_dots() {
  local log=$1; shift
  "$@" >>"$log" 2>&1 &
  local job=$!
  while kill -0 "$job" 2>/dev/null; do printf '.'; sleep 2; done
  echo
  wait "$job"
}

set_up() {
  if [ "$(cat "$VENV/stamp" 2>/dev/null)" != "$(wanted_stamp)" ]; then install_packages; fi
}
