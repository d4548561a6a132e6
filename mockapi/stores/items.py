"""Which response holds an item. Ids that follow from their response's are looked up by what they have in common with it."""

from dataclasses import dataclass, field

from mockapi.stores.records import RecordSource
from mockapi.wire.ids import stem_of

__all__ = ["ItemIndex"]


@dataclass(slots=True)
class ItemIndex:
    """Items by id; of a response with a stem the ids are made out when one with that stem is asked for: most never are."""

    _owners: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, dict[str, RecordSource] | RecordSource] = field(default_factory=dict)

    def add(self, record: RecordSource) -> None:
        """Take in the items of a new response; what others have already stays theirs."""
        stem = record.stem
        if not stem:
            for item_id in record.record().item_ids:
                self._make_out(stem_of(item_id))
                self._owners.setdefault(item_id, record.id)
            return
        waiting = self._waiting.setdefault(stem, record)
        if waiting is record:
            return
        if isinstance(waiting, dict):
            waiting[record.id] = record
        else:
            self._waiting[stem] = {waiting.id: waiting, record.id: record}

    def owner_of(self, item_id: str) -> str | None:
        """The response that holds an item; of several the first."""
        self._make_out(stem_of(item_id))
        return self._owners.get(item_id)

    def drop(self, record: RecordSource) -> None:
        """Forget a response's items."""
        waiting = self._waiting.get(record.stem)
        if isinstance(waiting, dict) and record.id in waiting:
            del waiting[record.id]
            if not waiting:
                del self._waiting[record.stem]
            return
        if waiting is not None and not isinstance(waiting, dict) and waiting.id == record.id:
            del self._waiting[record.stem]
            return
        for item_id in record.record().item_ids:
            if self._owners.get(item_id) == record.id:
                del self._owners[item_id]

    def _make_out(self, stem: str) -> None:
        waiting = self._waiting.pop(stem, None)
        if waiting is None:
            return
        for record in waiting.values() if isinstance(waiting, dict) else [waiting]:
            for item_id in record.record().item_ids:
                self._owners.setdefault(item_id, record.id)
