-- 5: withdrawn before the release; the number stays taken
/* ; */ ;
