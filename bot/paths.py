"""Where the project's parts lie, seen from the repository root."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTENT = ROOT / "content"
DATA = ROOT / "data"
MODELS = ROOT / "models"
WEB = ROOT / "bot" / "web"
