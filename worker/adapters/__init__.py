"""The kinds of adapter. A new one: its file beside these, and a line here."""

from worker.adapters import lora

ADAPTERS = {"lora": lora.attach}
