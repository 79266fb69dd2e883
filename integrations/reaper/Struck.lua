-- @description Struck: sound for the hits in the selected video items
-- @about
--   Renders each selected video item by Struck in the background, then adds a track with an item for each sound
--   (stems, in sync with the picture) and a marker at each hit. Nothing that exists is replaced: every run has a
--   folder of its own, Struck/NAME in the project's folder. See docs/api.md of Struck.

local SECTION = "struck"
local IS_WINDOWS = reaper.GetOS():sub(1, 3) == "Win"
local SEPARATOR = IS_WINDOWS and "\\" or "/"

local function fail(sentence)
  reaper.MB(sentence, "Struck", 0)
end

local function join(...)
  return table.concat({ ... }, SEPARATOR)
end

-- --- Struck's place ------------------------------------------------------------------------------

local function find_python(folder)
  local own = IS_WINDOWS and join(folder, ".venv", "Scripts", "python.exe") or join(folder, ".venv", "bin", "python")
  if reaper.file_exists(own) then return own end
  return reaper.GetExtState(SECTION, "python")
end

-- The folder of Struck and its Python: the script's own checkout, the one used last, or what the user types.
local function find_struck()
  local _, script = reaper.get_action_context()
  local own = (script or ""):match("^(.*)[/\\]integrations[/\\]reaper[/\\][^/\\]*$")
  for _, folder in ipairs({ own or "", reaper.GetExtState(SECTION, "folder") }) do
    if folder ~= "" and reaper.file_exists(join(folder, "launch.py")) then
      local python = find_python(folder)
      if python ~= "" then return folder, python end
    end
  end
  local answered, text = reaper.GetUserInputs("Struck", 2, "Folder of Struck,Python (3.10 to 3.13),extrawidth=300",
    (own or "") .. "," .. (IS_WINDOWS and "py" or "/usr/bin/python3"))
  if not answered then return nil end
  local folder, python = text:match("^(.-)[/\\]?,(.*)$")
  if not folder or not reaper.file_exists(join(folder, "launch.py")) then
    fail((folder or "") .. " holds no launch.py; give the folder into which Struck was downloaded")
    return nil
  end
  reaper.SetExtState(SECTION, "folder", folder, true)
  reaper.SetExtState(SECTION, "python", python, true)
  local made = find_python(folder)
  return folder, made
end

-- --- the selected items --------------------------------------------------------------------------

-- The clip that an item shows and where; nil for an item without one.
local function read_item(item)
  local take = reaper.GetActiveTake(item)
  local source = take and not reaper.TakeIsMIDI(take) and reaper.GetMediaItemTake_Source(take)
  local start_s, reversed = 0, false -- of a section in its file
  while source and reaper.GetMediaSourceParent(source) do
    local is_section, from_s, _, is_reversed = reaper.PCM_Source_GetSectionInfo(source)
    if is_section then start_s, reversed = start_s + from_s, reversed or is_reversed end
    source = reaper.GetMediaSourceParent(source)
  end
  if not source or reaper.GetMediaSourceType(source) ~= "VIDEO" then return nil end
  return {
    item = item,
    clip = reaper.GetMediaSourceFileName(source),
    position_s = reaper.GetMediaItemInfo_Value(item, "D_POSITION"),
    length_s = reaper.GetMediaItemInfo_Value(item, "D_LENGTH"),
    offset_s = start_s + reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS"),
    rate = reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE"),
    track = reaper.GetMediaItem_Track(item),
    reversed = reversed,
  }
end

local function list_items()
  local items = {}
  for k = 0, reaper.CountSelectedMediaItems(0) - 1 do
    local found = read_item(reaper.GetSelectedMediaItem(0, k))
    if found then items[#items + 1] = found end
  end
  return items
end

-- A new folder for one run.
local function make_folder(clip)
  local name = clip:match("([^/\\]*)$"):gsub("%.[^.]*$", "")
  local base, number = join(reaper.GetProjectPath(), "Struck", name), 1
  local folder = base
  while reaper.file_exists(join(folder, "log.txt")) do
    number = number + 1
    folder = base .. " " .. number
  end
  reaper.RecursiveCreateDirectory(folder, 0)
  return folder
end

local function make_command(words)
  local quoted = {}
  for _, word in ipairs(words) do
    if word:find('"', 1, true) then return nil, word end
    quoted[#quoted + 1] = '"' .. word .. '"'
  end
  return table.concat(quoted, " ")
end

-- --- results -------------------------------------------------------------------------------------

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local function last_line(text)
  local last = ""
  for line in (text or ""):gmatch("[^\r\n]+") do last = line end
  return last
end

-- The fields of a line of CSV, where a field with commas stands in quotes.
local function split_csv(line)
  local fields, rest = {}, line .. ","
  while rest ~= "" do
    local field, after
    if rest:sub(1, 1) == '"' then
      local close = 2
      repeat -- two quotation marks stand for one
        close = rest:find('"', close, true)
        local is_pair = close and rest:sub(close + 1, close + 1) == '"'
        if is_pair then close = close + 2 end
      until not is_pair
      field, after = rest:sub(2, close - 1):gsub('""', '"'), rest:sub(close + 2)
    else
      field, after = rest:match("^([^,]*),(.*)$")
    end
    fields[#fields + 1], rest = field, after
  end
  return fields
end

local function add_markers(job)
  local columns
  for line in (read_file(join(job.folder, "hits.csv")) or ""):gmatch("[^\r\n]+") do
    local fields = split_csv(line)
    if not columns then
      columns = {}
      for k, name in ipairs(fields) do columns[name] = k end
    else
      local time_s = tonumber(fields[columns.time_s])
      local at_s = job.position_s + (time_s - job.offset_s) / job.rate
      if at_s >= job.position_s - 1e-6 and at_s < job.position_s + job.length_s then
        local name = string.format("%s %+.1f dB", fields[columns.sound], tonumber(fields[columns.velocity_db]))
        reaper.AddProjectMarker2(0, false, at_s, 0, name, -1, reaper.ColorToNative(255, 180, 84) | 0x1000000)
      end
    end
  end
end

local function list_stems(folder)
  local names, k = {}, 0
  while true do
    local name = reaper.EnumerateFiles(folder, k)
    if not name then break end
    if name:lower():match("%.wav$") then names[#names + 1] = name end
    k = k + 1
  end
  table.sort(names)
  return names
end

local function add_stems(job)
  local folder = join(job.folder, "stems")
  local place = math.floor(reaper.GetMediaTrackInfo_Value(job.track, "IP_TRACKNUMBER")) -- below the item
  for k, name in ipairs(list_stems(folder)) do
    reaper.InsertTrackAtIndex(place + k - 1, true)
    local track = reaper.GetTrack(0, place + k - 1)
    reaper.GetSetMediaTrackInfo_String(track, "P_NAME", (name:gsub("%.[^.]*$", "")), true)
    local item = reaper.AddMediaItemToTrack(track)
    local take = reaper.AddTakeToMediaItem(item)
    reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(join(folder, name)))
    reaper.SetMediaItemInfo_Value(item, "D_POSITION", job.position_s)
    reaper.SetMediaItemInfo_Value(item, "D_LENGTH", job.length_s)
    reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
    reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", job.offset_s)
    reaper.SetMediaItemTakeInfo_Value(take, "D_PLAYRATE", job.rate)
  end
end

local function bring_back(job)
  local name = job.clip:match("([^/\\]*)$")
  -- In the background the user may have deleted the item, moved it, or gone to another project.
  local now = reaper.ValidatePtr2(0, job.item, "MediaItem*") and read_item(job.item)
  if not now or now.clip ~= job.clip then
    fail("The item of " .. name .. " is not in this project any more; its hits and stems are in " .. job.folder)
    return
  end
  for key, value in pairs(now) do job[key] = value end
  reaper.Undo_BeginBlock()
  reaper.PreventUIRefresh(1)
  add_stems(job)
  add_markers(job)
  reaper.PreventUIRefresh(-1)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("Struck: hits and stems of " .. name, -1)
end

-- --- running -------------------------------------------------------------------------------------

local run_next

local function wait_for(jobs, number)
  local job = jobs[number]
  local status = read_file(job.status)
  if not status then
    reaper.Help_Set("Struck: " .. last_line(read_file(job.log)), true)
    reaper.defer(function() wait_for(jobs, number) end)
    return
  end
  reaper.Help_Set("", true)
  if tonumber(status) == 0 then
    bring_back(job)
  else
    fail((last_line(read_file(job.log)):gsub("^Struck: ", "")))
  end
  run_next(jobs, number + 1)
end

function run_next(jobs, number)
  local job = jobs[number]
  if not job then return end
  if job.reversed then
    fail(job.clip:match("([^/\\]*)$") .. " runs backwards in its item; take the reversal off")
    return run_next(jobs, number + 1)
  end
  job.folder = make_folder(job.clip)
  job.log, job.status = join(job.folder, "log.txt"), join(job.folder, "status.txt")
  local launch, runner = join(job.struck, "launch.py"), join(job.struck, "integrations", "reaper", "run_struck.py")
  local command, wrong = make_command({
    job.python, runner, job.log, job.status, job.python, launch, "render", job.clip,
    "--stems", join(job.folder, "stems"), "--markers", join(job.folder, "hits.csv"),
    "--project", join(job.folder, "project.struck.json"),
  })
  if not command then
    fail(wrong .. " has a quotation mark in its name; rename it")
    return run_next(jobs, number + 1)
  end
  local marker = io.open(job.log, "wb") -- the folder is taken, and a folder that cannot be written is known at once
  if not marker then
    fail(job.folder .. " cannot be written; save the project in a folder of yours first")
    return
  end
  marker:close()
  reaper.ExecProcess(command, -2) -- in the background; run_struck.py says when it has ended
  wait_for(jobs, number)
end

local jobs = list_items()
if #jobs == 0 then
  fail("No video item is selected; select one that shows the hits")
else
  local struck, python = find_struck()
  if struck then
    for _, job in ipairs(jobs) do job.struck, job.python = struck, python end
    run_next(jobs, 1)
  end
end
