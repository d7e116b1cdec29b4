"""Rasa's graph components: Danish language, spelling, conditions, intents.

Rasa imports this package wherever the model is loaded (gateway, `rasa shell`, `rasa train`).
"""

from bot.local_actions import install

install()
