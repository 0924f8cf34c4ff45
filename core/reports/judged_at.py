"""What sensitivities would keep of everything that was judged, by stored scores."""

from __future__ import annotations

from ..protocol.requests.trials import GetJudgedAt, JudgedAt, JudgedAtEach
from ..screening.registry import score_of
from ..storage.library import Library


def judged_at(library: Library, request: GetJudgedAt) -> JudgedAtEach:
    """Return the counts of right and wrong peaks that reach the threshold of each sensitivity."""
    said = library.judgements.scores_of_kind(request.kind)
    found = []
    for sensitivity in request.sensitivities:
        threshold = score_of(request.kind, sensitivity)
        if threshold is not None:
            above = [word for score, word in said if score >= threshold]
            right, wrong = above.count("right"), above.count("wrong")
            found.append(JudgedAt(sensitivity, threshold, right, wrong))
    return JudgedAtEach(len(said), tuple(found))
