"""Downloads, each against its pinned checksum."""
