"""What holds where nobody says otherwise: the defaults of our own settings."""

from app.runtime.settings.settings import Settings

INBOX_STREAM = str(Settings.model_fields["inbox_stream"].default)
MAX_MESSAGE_BYTES = int(Settings.model_fields["max_message_bytes"].default)
