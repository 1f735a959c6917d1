"""Settings of this process: what they may be, and how they are read."""

from tokenmill.settings.reading import load_settings, shown, without_effect
from tokenmill.settings.secrets import SECRET_NAME, old_secrets, read_password, read_secret
from tokenmill.settings.sections import FilesSection, Mail, Moderation, Oidc, Payments, Settings, Source

__all__ = [
    "SECRET_NAME",
    "FilesSection",
    "Mail",
    "Moderation",
    "Oidc",
    "Payments",
    "Settings",
    "Source",
    "load_settings",
    "old_secrets",
    "read_password",
    "read_secret",
    "shown",
    "without_effect",
]
